import { type Adapter, invalidUrl, refuseOptions, splitUrl, targetOf } from '@rollcall/core/adapter';
import { MemoryHistory } from './history.js';
import { MemoryLink } from './link.js';
import { MemorySource } from './source.js';
import { MemoryStore } from './store.js';
import type { MemoryBackend } from './watch.js';

/** Watches stores inside the process, for tests and demonstrations: `memory:name`, or `memory:name#prefix/`. */
export interface MemoryAdapter extends Adapter {
  /** The store of `memory:name`, made at first use. Each adapter has its own stores. */
  store(name: string): MemoryStore;
}

export function createMemoryAdapter(): MemoryAdapter {
  const stores = new Map<string, { backend: MemoryBackend; store: MemoryStore }>();
  const find = (cluster: string): { backend: MemoryBackend; store: MemoryStore } => {
    let found = stores.get(cluster);
    if (found === undefined) {
      const backend = { name: cluster, history: new MemoryHistory(cluster), link: new MemoryLink(cluster) };
      found = { backend, store: new MemoryStore(backend.history, backend.link) };
      stores.set(cluster, found);
    }
    return found;
  };
  return {
    schemes: ['memory'],
    parse: (url) => {
      const { authority, path, fragment } = splitUrl(url);
      if (authority !== undefined || !path) throw invalidUrl(url, 'it names no store; write memory:name');
      return { cluster: `memory:${path}`, target: targetOf(fragment ?? '') };
    },
    open: ({ cluster }, options) => {
      refuseOptions('A store in memory', options, []);
      return new MemorySource(find(cluster).backend);
    },
    store: (name) => find(`memory:${name}`).store,
  };
}
