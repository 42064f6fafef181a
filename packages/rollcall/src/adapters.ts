import { consulAdapter } from '@rollcall/consul';
import type { Adapter } from '@rollcall/core/adapter';
import { etcdAdapter } from '@rollcall/etcd';
import { createMemoryAdapter, fileAdapter } from '@rollcall/local';

/** The backends that come with Rollcall, in one explicit list. The memory stores belong to the caller alone. */
export function builtInAdapters(): readonly Adapter[] {
  return [fileAdapter, createMemoryAdapter(), etcdAdapter, consulAdapter];
}
