import { type Entry, type Revision, type Target, WatchError } from '@rollcall/core';
import type { KeyValue, RangeAnswer } from '../rpc/messages.js';
import { KeyNames, rangeOf } from '../rpc/range.js';
import type { RangeRequest } from '../rpc/requests.js';
import type { CallLimits, EtcdConnection } from './connection.js';
import { entryOf } from './entry.js';

/** The first page's keys, before it is known how large the values are. */
const FIRST_PAGE_KEYS = 500;
const MOST_PAGE_KEYS = 10_000;
/** What a page should weigh: well below what a slow line carries within the deadline. */
const PAGE_BYTES = 4 * 1024 * 1024;
/** How often a list starts again because its revision was compacted meanwhile. */
const ATTEMPTS = 5;

export interface Listing {
  readonly revision: Revision;
  /** `Timing.now()` before the first page was asked for: the list is no older. */
  readonly asOf: number;
  readonly clusterId: string;
  readonly entries: readonly (readonly [string, Entry])[];
}

export interface ListOptions extends CallLimits {
  /** Default: the newest. */
  readonly at?: Revision;
  readonly keysOnly?: boolean;
}

/**
 * Reads all keys of a target at one revision, page by page; yields after each page but the last.
 * @throws WatchError TOO_LARGE when a single key is; COMPACTED when the revision asked for is gone, or again and again while paging.
 */
export async function* list(
  connection: EtcdConnection,
  target: Target,
  options: ListOptions,
): AsyncGenerator<undefined, Listing> {
  for (let attempt = 1; ; attempt++) {
    try {
      return yield* listOnce(connection, target, options);
    } catch (error) {
      if (!(error instanceof WatchError) || error.code !== 'COMPACTED' || options.at !== undefined) throw error;
      if (attempt < ATTEMPTS) continue;
      const advice = 'compact less often, or watch a smaller prefix';
      throw new WatchError('COMPACTED', `etcd was compacted ${attempt} times while its keys were read: ${advice}.`, {
        cause: error,
      });
    }
  }
}

async function* listOnce(
  connection: EtcdConnection,
  target: Target,
  { signal, deadlineMs, at, keysOnly = false }: ListOptions,
): AsyncGenerator<undefined, Listing> {
  const { key, rangeEnd } = rangeOf(target);
  const asOf = connection.timing.now();
  const names = new KeyNames(target);
  const entries: (readonly [string, Entry])[] = [];
  let pinned = at;
  let from = key;
  let limit = FIRST_PAGE_KEYS;
  for (;;) {
    const request: RangeRequest = {
      key: from,
      ...(rangeEnd && { rangeEnd }),
      ...(pinned !== undefined && { revision: pinned }),
      limit,
      keysOnly,
    };
    let page: RangeAnswer;
    try {
      page = await connection.range(request, { signal, deadlineMs });
    } catch (error) {
      if (limit === 1 || WatchError.from(error).code !== 'TOO_LARGE') throw error;
      limit = Math.ceil(limit / 2);
      continue;
    }
    pinned ??= page.header.revision;
    for (const kv of page.kvs) entries.push([names.relative(kv.key), entryOf(kv)]);
    const last = page.kvs.at(-1);
    if (!page.more || last === undefined) return { revision: pinned, asOf, clusterId: page.header.clusterId, entries };
    from = Buffer.concat([last.key, Buffer.of(0)]);
    limit = nextLimit(page.kvs);
    yield;
  }
}

/** How many keys weigh as much as a page should, judged by the last page; at most ten times as many. */
export function nextLimit(page: readonly KeyValue[]): number {
  const bytes = page.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
  const fitting = Math.floor((PAGE_BYTES * page.length) / Math.max(1, bytes));
  return Math.max(1, Math.min(fitting, page.length * 10, MOST_PAGE_KEYS));
}
