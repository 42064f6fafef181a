import { type Entry, type Revision, systemTiming, WatchError } from '@rollcall/core';
import { type PutOptions, refuseLeases } from '@rollcall/core/adapter';
import type { ConsulConnection } from './http/connection.js';
import { replyFailure } from './http/failure.js';
import { indexOf } from './http/indexHeader.js';
import type { CallLimits } from './http/options.js';
import type { Reply } from './http/reply.js';
import type { KvWrite } from './http/writer.js';
import { BodyReader } from './queries/bodyReader.js';
import { NOTHING } from './queries/entries.js';
import { kvQuery } from './queries/kv.js';
import { addressable } from './queries/kvKey.js';

/** One endpoint and the limits of a call to it. */
export interface Caller {
  readonly connection: ConsulConnection;
  readonly limits: CallLimits;
  readonly wallNow: number;
}

/**
 * Writes a value; at most 512 KiB, unless the agents are configured otherwise.
 * @returns the value's ModifyIndex, or a later one if it was overwritten meanwhile. A value that was there already
 *   keeps its own.
 */
export async function putKey(caller: Caller, key: string, value: Uint8Array): Promise<Revision> {
  await write(caller, { type: 'put', key, value });
  // Consul answers a write with `true` alone. A transaction would return the index, and accepts only smaller values.
  const { reply, entry } = await find(caller, key);
  return entry?.revision ?? indexOf(reply.headers['x-consul-index'], caller.connection.endpoint);
}

/** @returns whether the key was there just before. */
export async function deleteKey(caller: Caller, key: string): Promise<boolean> {
  const { reply } = await find(caller, key);
  if (reply.status === 404) return false;
  await write(caller, { type: 'delete', key });
  return true;
}

/** Deletes all keys with a prefix in one step. Consul does not say how many there were. */
export async function deletePrefix(caller: Caller, prefix: string): Promise<undefined> {
  await write(caller, { type: 'delete all', key: prefix });
}

/** @throws WatchError INVALID_OPTION, UNSUPPORTED. */
export function checkWrite(key: string, options?: PutOptions): void {
  if (key === '') throw new WatchError('INVALID_OPTION', 'Cannot use key: Consul has no empty key.');
  addressable(key);
  refuseLeases("Consul's KV store", options);
}

/** Reads one key; no entry if it does not exist. */
async function find({ connection, limits, wallNow }: Caller, key: string): Promise<{ reply: Reply; entry?: Entry }> {
  const query = kvQuery({ prefix: key, exact: true });
  const body = new BodyReader({
    isList: false,
    decode: query.decoder({ known: NOTHING, index: '1' }),
    timing: systemTiming,
  });
  const { path, parameters } = query;
  const reply = await connection.get({ path, parameters }, { ...limits, bodyTo: () => body });
  if (reply.status === 404 && !reply.text && 'x-consul-index' in reply.headers) return { reply };
  const [pair] = reply.status === 200 ? ((await body.parsed())?.pairs ?? []) : [];
  if (pair === undefined) throw replyFailure(reply, connection.endpoint, wallNow);
  return { reply, entry: pair[1] };
}

async function write({ connection, limits, wallNow }: Caller, what: KvWrite): Promise<void> {
  const reply = await connection.write(what, limits);
  if (reply.status !== 200 || reply.text !== 'true') throw replyFailure(reply, connection.endpoint, wallNow);
}
