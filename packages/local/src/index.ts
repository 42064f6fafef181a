export { fileAdapter } from './file.js';
export { createMemoryAdapter, type MemoryAdapter } from './memory.js';
export type { MemoryWrite } from './memoryHistory.js';
export type { MemoryStore } from './memoryStore.js';
