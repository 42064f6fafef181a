import { consulAdapter } from '@rollcall/consul';
import type { Adapter } from '@rollcall/core/adapter';
import { etcdAdapter } from '@rollcall/etcd';
import { createMemoryAdapter, fileAdapter } from '@rollcall/local';

/** The built-in adapters. Each call makes memory stores of its own. */
export function builtInAdapters(): readonly Adapter[] {
  return [fileAdapter, createMemoryAdapter(), etcdAdapter, consulAdapter];
}
