import { type KeyMap, type Revision, WatchError } from '@rollcall/core';
import type { Target } from '@rollcall/core/adapter';
import { KeyMapBuilder, Slices } from '@rollcall/core/internal';
import type { RpcLimits } from '../rpc/deadlines.js';
import type { RangeAnswer, ResponseHeader } from '../rpc/messages.js';
import { KeyNames, rangeOf } from '../rpc/range.js';
import type { KeyRange, RangeRequest, TxnRequest } from '../rpc/requests.js';
import type { EtcdConnection } from './connection.js';

/** Keys of the first page, before the size of values is known. */
const FIRST_PAGE_KEYS = 1_000;
const MOST_PAGE_KEYS = 20_000;
/** The aimed size of a page, bytes: well below what a slow line carries within the deadline. */
const PAGE_BYTES = 4 * 1024 * 1024;
/** How often a list is restarted if its revision is compacted meanwhile. */
const ATTEMPTS = 5;

export interface ListResult {
  readonly revision: Revision;
  /** `Timing.now()` at the first page's request: the list is as new as this, or newer. */
  readonly asOf: number;
  readonly clusterId: string;
  readonly entries: KeyMap;
}

export interface ListOptions extends RpcLimits {
  /** The revision to read at. Default: the newest. */
  readonly at?: Revision;
  readonly keysOnly?: boolean;
}

/**
 * Reads all keys of a target at one revision, in pages. Yields after each page but the last.
 * @throws WatchError TOO_LARGE if a single key is too large; COMPACTED if the requested revision is gone, or pages are
 *   compacted again and again.
 */
export async function* list(
  connection: EtcdConnection,
  target: Target,
  options: ListOptions,
): AsyncGenerator<undefined, ListResult> {
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
  options: ListOptions,
): AsyncGenerator<undefined, ListResult> {
  const asOf = connection.timing.now();
  const names = new KeyNames(target);
  const { key, rangeEnd } = rangeOf(target);
  const map = new KeyMapBuilder();
  const slices = new Slices();
  const range = { key, ...(rangeEnd && { rangeEnd }) };
  let page = await firstPage(connection, range, options);
  const { revision, clusterId } = page.header;
  const at = options.at ?? revision;
  for (let isFirst = true; ; isFirst = false) {
    const { answer } = page;
    const from = answer.more ? answer.lastKey : undefined;
    const readNext = (key: Uint8Array): Promise<Page> =>
      readPage(connection, { ...range, key: after(key), limit: nextLimit(answer) }, { ...options, at });
    // The next page is requested before this one is decoded, so that the server works meanwhile.
    const next = isFirst || from === undefined ? undefined : readNext(from);
    // A failure is thrown below, unless this page fails first.
    next?.catch(() => {});
    for (const kv of answer.kvs) {
      map.add(names.relative(kv), kv.entry);
      if (slices.isOver) await slices.turn();
    }
    if (from === undefined) return { revision: at, asOf, clusterId, entries: map.build() };
    yield;
    page = await (next ?? readNext(from));
  }
}

interface Page {
  readonly header: ResponseHeader;
  readonly answer: RangeAnswer;
}

/** Reads the first page together with those of other lists that begin now: most lists are one page. */
async function firstPage(connection: EtcdConnection, range: KeyRange, options: ListOptions): Promise<Page> {
  const request = { ...range, limit: FIRST_PAGE_KEYS };
  const { signal, deadlineMs, at, keysOnly } = options;
  if (at !== undefined || keysOnly) return readPage(connection, request, options);
  const ranges = (sharers: number): TxnRequest => [{ ...range, limit: Math.ceil(FIRST_PAGE_KEYS / sharers) }];
  try {
    const { header, ranges: answers } = await connection.reads.read({ count: 1, ranges, signal, deadlineMs });
    const [answer] = answers;
    if (answer !== undefined) return { header, answer };
  } catch (error) {
    if (WatchError.from(error).code !== 'TOO_LARGE') throw error;
  }
  return readPage(connection, request, options);
}

/** @throws WatchError TOO_LARGE if a single key is too large. */
async function readPage(
  connection: EtcdConnection,
  asked: RangeRequest & { readonly limit: number },
  { signal, deadlineMs, at, keysOnly = false }: ListOptions,
): Promise<Page> {
  for (let { limit } = asked; ; limit = Math.ceil(limit / 2)) {
    const request = { ...asked, limit, keysOnly, ...(at !== undefined && { revision: at }) };
    try {
      const answer = await connection.range(request, { signal, deadlineMs });
      return { header: answer.header, answer };
    } catch (error) {
      if (limit === 1 || WatchError.from(error).code !== 'TOO_LARGE') throw error;
    }
  }
}

/** The next higher key. */
function after(key: Uint8Array): Buffer {
  return Buffer.concat([key, Buffer.of(0)]);
}

/** The number of keys for the next page, judged by the size of the last; at most ten times as many. */
export function nextLimit({ kvs, bytes }: Pick<RangeAnswer, 'kvs' | 'bytes'>): number {
  const fitting = Math.floor((PAGE_BYTES * kvs.length) / Math.max(1, bytes));
  return Math.max(1, Math.min(fitting, kvs.length * 10, MOST_PAGE_KEYS));
}
