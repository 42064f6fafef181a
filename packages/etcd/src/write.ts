import { keyToBytes, type Revision, WatchError } from '@rollcall/core';
import type { GrantedLease, PutOptions } from '@rollcall/core/adapter';
import type { RpcLimits } from './rpc/deadlines.js';
import { rangeOf } from './rpc/range.js';
import type { EtcdConnection } from './watch/connection.js';

interface KeyPut {
  readonly key: string;
  readonly value: Uint8Array;
  readonly limits: RpcLimits;
  /** `ttlMs` is rounded up to seconds, and etcd grants no less than about two of its election timeouts. */
  readonly options: PutOptions;
}

/** A lease's id as etcd's requests have it (a signed 64-bit number in decimal), and what was granted for it. */
interface UnderLease {
  readonly id: string;
  readonly granted?: GrantedLease;
}

/**
 * A lease that was granted for a put which then fails is left to end by itself: nothing can be said of a put that was
 * not answered, and to revoke its lease could delete the key.
 * @throws WatchError INVALID_OPTION; NOT_FOUND when there is no such lease, or with `ignoreValue` no such key.
 */
export async function putKey(connection: EtcdConnection, { key, value, options, limits }: KeyPut): Promise<Revision> {
  const { ignoreValue = false, onLease } = options;
  const name = bytesOf(key);
  if (ignoreValue && value.length > 0) throw invalid('ignoreValue', 'a value is given too; give an empty one');
  const lease = await leaseOf(connection, options, limits);
  const written = ignoreValue ? { ignore_value: true } : { value: Buffer.from(value) };
  const { header } = await connection.put({ key: name, ...written, ...(lease && { lease: lease.id }) }, limits);
  if (lease?.granted !== undefined) onLease?.(lease.granted);
  return header.revision;
}

/** @returns whether the key was there. */
export async function deleteKey(connection: EtcdConnection, key: string, limits: RpcLimits): Promise<boolean> {
  const { deleted } = await connection.deleteRange({ key: bytesOf(key) }, limits);
  return deleted !== '0';
}

/** In one revision. @returns how many keys were there. */
export async function deletePrefix(connection: EtcdConnection, prefix: string, limits: RpcLimits): Promise<number> {
  const { key, rangeEnd } = rangeOf({ prefix });
  const { deleted } = await connection.deleteRange({ key, range_end: rangeEnd }, limits);
  return Number(deleted);
}

async function leaseOf(
  connection: EtcdConnection,
  { ttlMs, lease }: PutOptions,
  limits: RpcLimits,
): Promise<UnderLease | undefined> {
  if (lease !== undefined) {
    if (ttlMs !== undefined) throw invalid('ttlMs', 'a lease is given too; give one of the two');
    if (!/^[0-9a-f]{1,16}$/i.test(lease) || /^0*$/.test(lease)) {
      throw invalid('lease', "it must be a lease's id in hexadecimal, as etcdctl prints it");
    }
    return { id: BigInt.asIntN(64, BigInt(`0x${lease}`)).toString() };
  }
  if (ttlMs === undefined) return undefined;
  if (!(ttlMs > 0) || !Number.isFinite(ttlMs)) throw invalid('ttlMs', 'it must be a number of milliseconds above 0');
  const { ID, TTL } = await connection.leaseGrant({ TTL: Math.ceil(ttlMs / 1000) }, limits);
  const id = BigInt.asUintN(64, BigInt(ID)).toString(16);
  return { id: ID, granted: { id, ttlMs: Number(TTL) * 1000 } };
}

function bytesOf(key: string): Buffer {
  if (key === '') throw invalid('key', 'etcd has no empty key');
  return Buffer.from(keyToBytes(key));
}

function invalid(field: string, why: string): WatchError {
  return new WatchError('INVALID_OPTION', `Cannot use ${field}: ${why}.`);
}
