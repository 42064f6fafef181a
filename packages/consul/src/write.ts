import { type PutOptions, type Revision, refuseLeases, WatchError } from '@rollcall/core';
import type { CallOptions, ConsulClient, Reply } from './http/client.js';
import { replyFailure } from './http/failure.js';
import { revisionOf } from './queries/entry.js';
import { addressable } from './queries/kvKey.js';
import { indexOf } from './watch/indexRules.js';

/** Calls one endpoint. */
export interface Caller {
  readonly endpoint: string;
  call(send: (client: ConsulClient, options: CallOptions) => Promise<unknown>): Promise<Reply>;
  readonly wallNow: number;
}

/**
 * Writes a value of at most 512 KiB, if the agents are not set otherwise.
 * @returns where it can be read: its ModifyIndex, or a later one if it was overwritten meanwhile. A value that was there
 *   already keeps its own.
 */
export async function putKey(caller: Caller, key: string, value: Uint8Array): Promise<Revision> {
  await write(caller, (client, options) => client.kv.set({ ...options, key, value: Buffer.from(value) }));
  // Consul answers a write by `true` alone, and a transaction, which tells the index, takes smaller values.
  const { headers, body } = await find(caller, key);
  return (
    revisionOf(Array.isArray(body) ? body[0]?.ModifyIndex : undefined) ??
    indexOf(headers['x-consul-index'], caller.endpoint)
  );
}

/** @returns whether the key was there just before. */
export async function deleteKey(caller: Caller, key: string): Promise<boolean> {
  const { status } = await find(caller, key);
  if (status === 404) return false;
  await write(caller, (client, options) => client.kv.del({ ...options, key }));
  return true;
}

/** @throws WatchError INVALID_OPTION, UNSUPPORTED. */
export function checkWrite(key: string, options?: PutOptions): void {
  if (key === '') throw new WatchError('INVALID_OPTION', 'Cannot use key: Consul has no empty key.');
  addressable(key);
  refuseLeases("Consul's KV store", options);
}

async function find(caller: Caller, key: string): Promise<Reply> {
  const reply = await caller.call((client, options) => client.kv.get({ ...options, key, buffer: true }));
  const absent = reply.status === 404 && reply.body === undefined && 'x-consul-index' in reply.headers;
  if (absent || (reply.status === 200 && Array.isArray(reply.body))) return reply;
  throw replyFailure(reply, caller.endpoint, caller.wallNow);
}

async function write(caller: Caller, send: Parameters<Caller['call']>[0]): Promise<void> {
  const reply = await caller.call(send);
  if (reply.status !== 200 || reply.body !== true) throw replyFailure(reply, caller.endpoint, caller.wallNow);
}
