import type { Entry } from '@rollcall/core';
import { ALL_KEYS, fromBase64, type Gateway, type KeyValue, type RangeAnswer } from './gateway.js';
import type { Commit, KeyEvent } from './history.js';

const PATIENCE_MS = 10_000;

interface WatchLine {
  readonly result?: { readonly events?: readonly WatchEvent[]; readonly canceled?: boolean };
  readonly error?: { readonly message: string };
}

interface WatchEvent {
  /** Absent for a put: the gateway leaves out what is zero. */
  readonly type?: 'DELETE';
  readonly kv: KeyValue;
}

/** The store's revision now, by the word of the quorum. */
export async function headOf(gateway: Gateway): Promise<bigint> {
  const { header } = await gateway.post<RangeAnswer>('/v3/kv/range', { ...ALL_KEYS, count_only: true });
  return BigInt(header.revision);
}

/** All keys, at a revision or now. */
export async function readAll(
  gateway: Gateway,
  at?: bigint,
): Promise<{ readonly revision: bigint; readonly state: Map<string, Entry> }> {
  const request = { ...ALL_KEYS, ...(at === undefined ? {} : { revision: String(at) }) };
  const { header, kvs = [] } = await gateway.post<RangeAnswer>('/v3/kv/range', request, PATIENCE_MS);
  return { revision: BigInt(header.revision), state: new Map(kvs.map((kv) => [fromBase64(kv.key), entryOf(kv)])) };
}

/**
 * Replays what happened after a revision, up to another and with it.
 * @throws when the member ends the replay before its end, as when the revision is compacted
 */
export async function replay(gateway: Gateway, after: bigint, upTo: bigint): Promise<Commit[]> {
  const commits: { revision: bigint; events: KeyEvent[] }[] = [];
  if (after >= upTo) return commits;
  const request = { create_request: { ...ALL_KEYS, start_revision: String(after + 1n) } };
  for await (const line of gateway.lines('/v3/watch', request, PATIENCE_MS)) {
    const { result, error } = JSON.parse(line) as WatchLine;
    if (error !== undefined || result?.canceled) throw new Error(`the replay from ${after} ended: ${line}`);
    for (const { type, kv } of result?.events ?? []) {
      const revision = BigInt(kv.mod_revision);
      if (commits.at(-1)?.revision !== revision) commits.push({ revision, events: [] });
      commits.at(-1)?.events.push({ key: fromBase64(kv.key), entry: type === 'DELETE' ? undefined : entryOf(kv) });
    }
    const last = commits.at(-1)?.revision ?? 0n;
    if (last >= upTo) return commits.filter(({ revision }) => revision <= upTo);
  }
  throw new Error(`the replay from ${after} ended before ${upTo}`);
}

function entryOf({ value = '', mod_revision, create_revision }: KeyValue): Entry {
  return { value: Buffer.from(value, 'base64'), revision: mod_revision, createRevision: create_revision };
}
