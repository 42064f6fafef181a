export { etcdAdapter } from './adapter.js';
