export { type ConsulAdapterOptions, consulAdapter, createConsulAdapter } from './adapter.js';
