import { compareRevisions, type Resume, type Revision, type Target, WatchError } from '@rollcall/core';
import type { IKeyValue } from 'etcd3';
import type { Connection } from './connection.js';
import { KeyNames, rangeOf } from './range.js';

/**
 * Proves that the store had at the cursor just what is held: the newest held key, and as many keys. A wiped and
 * refilled node keeps its cluster id, member id and term, so only content tells.
 * @throws WatchError OTHER_HISTORY; ROLLED_BACK when the store has not come as far as the cursor; COMPACTED when the
 *   cursor's revision is gone.
 */
export async function prove(
  connection: Connection,
  target: Target,
  { revision, proof }: Resume,
  signal: AbortSignal,
): Promise<void> {
  if (proof === undefined) return;
  const { newest, count } = proof;
  const ranges = [
    { ...rangeOf(target), revision, count_only: true },
    ...(newest === undefined ? [] : [{ key: new KeyNames(target).absolute(newest.key), revision }]),
  ];
  const request = { success: ranges.map((range) => ({ request_range: range })) };
  try {
    const { responses } = await connection.txn(request, signal);
    const [counted, found] = responses.map((response) => response.response_range);
    const same = counted?.count === String(count) && (newest === undefined || isSame(found?.kvs[0], newest.entry));
    if (!same) throw otherHistory(connection.endpoint, revision);
  } catch (error) {
    if (!(error instanceof WatchError) || error.code !== 'ROLLED_BACK') throw error;
    await assertReached(connection, target, revision, signal);
    throw new WatchError('UNAVAILABLE', `etcd at ${connection.endpoint} lags behind its cluster.`, { cause: error });
  }
}

/**
 * A member that lags behind answers as if the store were younger; a linearizable read asks the quorum.
 * @throws WatchError ROLLED_BACK when the store has not come as far as the revision.
 */
export async function assertReached(
  connection: Connection,
  target: Target,
  revision: Revision,
  signal: AbortSignal,
): Promise<void> {
  const { header } = await connection.range({ ...rangeOf(target), count_only: true }, signal);
  if (compareRevisions(header.revision, revision) >= 0) return;
  throw new WatchError(
    'ROLLED_BACK',
    `etcd at ${connection.endpoint} is at revision ${header.revision}, before ${revision}, which was seen: the store was wiped or restored.`,
  );
}

function isSame(
  found: IKeyValue | undefined,
  held: { value: Uint8Array; revision?: Revision; createRevision?: Revision },
) {
  return (
    found !== undefined &&
    found.mod_revision === held.revision &&
    found.create_revision === held.createRevision &&
    found.value.equals(held.value)
  );
}

function otherHistory(endpoint: string, revision: Revision): WatchError {
  return new WatchError(
    'OTHER_HISTORY',
    `etcd at ${endpoint} had other keys at revision ${revision} than were seen: the store was wiped, restored or replaced.`,
  );
}
