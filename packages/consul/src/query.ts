import type { Entry, Revision, Target } from '@rollcall/core';
import { catalogQuery } from './catalog.js';
import type { CallOptions, ConsulClient } from './client.js';
import { instancesQuery } from './instances.js';
import { kvQuery } from './kv.js';

/** Entries known before, by key. */
export interface Known {
  readonly size: number;
  get(key: string): Entry | undefined;
  [Symbol.iterator](): Iterator<[string, Entry]>;
}

export interface Decoded {
  readonly entries: ReadonlyMap<string, Entry>;
  /** Items that could not be understood and were left out. */
  readonly malformed: number;
}

/** How one target is asked for, and what the answers mean. */
export interface Query {
  /** For messages, as `the KV prefix "a/"`. */
  readonly what: string;
  /** Whether 404 says that there is nothing: so in the KV store only. */
  readonly absentIs404: boolean;
  send(client: ConsulClient, options: CallOptions): Promise<unknown>;
  /** The entries of a body, or undefined when it is not what this query's answers are. */
  decode(body: unknown): Decoded | undefined;
  /** Whether a known entry may stand for the one in an answer of this index. */
  same(known: Entry, entry: Entry, index: Revision): boolean;
  /** Whether an answer lacks so much of what was known that a plain read must confirm it. */
  lost(known: Known, entries: ReadonlyMap<string, Entry>): boolean;
}

/** @throws WatchError INVALID_OPTION for a key or prefix that Consul cannot address. */
export function queryOf(target: Target): Query {
  const { service, catalog } = target.query ?? {};
  if (service !== undefined) return instancesQuery(target);
  return catalog === undefined ? kvQuery(target) : catalogQuery(target);
}
