import { keyToBytes, type Revision, WatchError } from '@rollcall/core';
import type { Connection } from './connection.js';

interface Put {
  readonly key: string;
  readonly value: Uint8Array;
  readonly signal: AbortSignal;
  readonly options: {
    /** Puts the key under a lease of its own, of this length rounded up to seconds. etcd may make it longer. */
    readonly ttlMs?: number;
    /** A lease's id in hexadecimal, as etcdctl prints it. */
    readonly lease?: string;
  };
}

/** @throws WatchError INVALID_OPTION; NOT_FOUND when there is no such lease. */
export async function putKey(connection: Connection, { key, value, options, signal }: Put): Promise<Revision> {
  const lease = await leaseOf(connection, options, signal);
  const request = { key: bytesOf(key), value: Buffer.from(value), ...(lease !== undefined && { lease }) };
  const { header } = await connection.put(request, signal);
  return header.revision;
}

/** @returns whether the key was there. */
export async function deleteKey(connection: Connection, key: string, signal: AbortSignal): Promise<boolean> {
  const { deleted } = await connection.deleteRange({ key: bytesOf(key) }, signal);
  return deleted !== '0';
}

async function leaseOf(
  connection: Connection,
  { ttlMs, lease }: Put['options'],
  signal: AbortSignal,
): Promise<string | undefined> {
  if (lease !== undefined) {
    if (ttlMs !== undefined) throw invalid('ttlMs', 'a lease is given too; give one of the two');
    if (!/^[0-9a-f]{1,16}$/i.test(lease)) throw invalid('lease', "it must be a lease's id in hexadecimal");
    return BigInt.asIntN(64, BigInt(`0x${lease}`)).toString();
  }
  if (ttlMs === undefined) return undefined;
  if (!(ttlMs > 0) || !Number.isFinite(ttlMs)) throw invalid('ttlMs', 'it must be a number of milliseconds above 0');
  const { ID } = await connection.leaseGrant({ TTL: Math.ceil(ttlMs / 1000) }, signal);
  return ID;
}

function bytesOf(key: string): Buffer {
  if (key === '') throw invalid('key', 'etcd has no empty key');
  return Buffer.from(keyToBytes(key));
}

function invalid(field: string, why: string): WatchError {
  return new WatchError('INVALID_OPTION', `Cannot use ${field}: ${why}.`);
}
