import { buffer } from 'node:stream/consumers';
import { type Revision, WatchError } from '@rollcall/core';
import type { GrantedLease, Target } from '@rollcall/core/adapter';
import { jsonLine, keyFields } from '../output/jsonLines.js';
import { printable } from '../output/printable.js';
import { ANSWER_MS, inTime, type Session, writerOf } from '../session/session.js';

export interface PutCommandOptions {
  /** Grants a lease of this length for the key, ms. */
  readonly ttl?: number;
  /** Attaches the key to this lease. */
  readonly lease?: string;
  /** Keeps the value and changes only the lease. */
  readonly ignoreValue?: true;
}

/**
 * Writes one exact key, or with `ignoreValue` only its lease.
 * @param value the value as text, or `-` for the bytes of standard input.
 * @throws WatchError INVALID_OPTION for options that contradict each other; INVALID_URL for a prefix; UNSUPPORTED if
 *   the backend cannot write or has no leases; NOT_FOUND if the lease, or the value to keep, does not exist; an error
 *   of the backend.
 */
export async function put(
  session: Session,
  url: string,
  value: string | undefined,
  options: PutCommandOptions,
): Promise<void> {
  checkUsage(value, options);
  const { source, target, release } = session.rollcall.open(url);
  try {
    checkKey(url, target);
    const write = writerOf(source, url);
    const bytes = await bytesOf(session, value);
    const key = target.prefix;
    let granted: GrantedLease | undefined;
    const how = {
      ...(options.ttl === undefined ? {} : { ttlMs: options.ttl }),
      ...(options.lease === undefined ? {} : { lease: options.lease }),
      ...(options.ignoreValue ? { ignoreValue: true } : {}),
      onLease: (lease: GrantedLease) => {
        granted = lease;
      },
    };
    const revision = await inTime(session, { defaultMs: ANSWER_MS, whom: url }, () => write.put(key, bytes, how));
    await session.out.lines([writtenLine(session, key, revision, granted)]);
  } finally {
    await release();
  }
}

function checkUsage(value: string | undefined, { ttl, lease, ignoreValue }: PutCommandOptions): void {
  const wrong = (why: string): WatchError => new WatchError('INVALID_OPTION', `put: ${why}.`);
  if (ttl !== undefined && lease !== undefined) {
    throw wrong('--ttl makes a lease and --lease names one: give one of the two');
  }
  if (ignoreValue && value !== undefined) throw wrong('--ignore-value keeps the value that is there: give no value');
  if (!ignoreValue && value === undefined) {
    throw wrong("missing required argument 'value' (--ignore-value keeps the one that is there)");
  }
}

function checkKey(url: string, target: Target): void {
  if (target.query !== undefined) {
    throw new WatchError('UNSUPPORTED', `put writes keys, and "${url}" selects services: register them with Consul.`);
  }
  if (!target.exact) {
    const fix = "end the URL with the key's name";
    throw new WatchError('INVALID_URL', `put writes one exact key, and "${url}" is a prefix: ${fix}.`);
  }
}

async function bytesOf({ io }: Session, value = ''): Promise<Uint8Array> {
  return value === '-' ? buffer(io.stdin) : Buffer.from(value);
}

function writtenLine({ json, paint }: Session, key: string, revision: Revision, lease?: GrantedLease): string {
  if (json) {
    const granted = lease === undefined ? {} : { lease: lease.id, ttlMs: lease.ttlMs };
    return jsonLine({ type: 'put', ...keyFields(key), revision, ...granted });
  }
  const granted = lease === undefined ? '' : `  lease ${lease.id} for ${lease.ttlMs / 1000} s`;
  return `${paint('green', '✓')} ${printable(key)}  ${paint('dim', `revision ${revision}${granted}`)}`;
}
