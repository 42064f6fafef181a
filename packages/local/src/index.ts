export { readYamlText, YamlError, type YamlText } from './document/yamlText.js';
export { fileAdapter } from './file/adapter.js';
export { createMemoryAdapter, type MemoryAdapter } from './memory/adapter.js';
export type { MemoryWrite } from './memory/history.js';
export type { MemoryStore } from './memory/store.js';
