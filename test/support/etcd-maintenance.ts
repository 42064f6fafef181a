import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Etcd } from './etcd.js';
import { temporaryRoot } from './reaper.js';

/** What operators do to a store. */

/** Forgets, in the whole cluster, what was before a revision. */
export async function compact(etcd: Etcd, revision: string): Promise<void> {
  await etcd.etcdctl(['compact', revision]);
}

/** Gives free pages of one member back to the disk; it answers nothing meanwhile. */
export async function defragment(etcd: Etcd): Promise<void> {
  await etcd.etcdctl(['defrag']);
}

/** Saves all that a member holds. @returns the file, which goes when the test process ends */
export async function saveSnapshot(etcd: Etcd): Promise<string> {
  const file = join(temporaryRoot(), `etcd-${randomUUID()}.snapshot`);
  await etcd.etcdctl(['snapshot', 'save', file]);
  return file;
}

export interface RestoreOptions {
  /**
   * How far beyond the saved revision the restored store begins, everything before it compacted, so that no watcher takes it for
   * the old history (`--bump-revision --mark-compacted`). Without it revisions of the lost history are given anew.
   */
  readonly bumpRevision?: bigint;
}

/**
 * Replaces all that a whole cluster holds by a snapshot, on the same ports: every member is killed, wiped, filled and restarted.
 * Cluster id and member ids stay as they were.
 */
export async function restoreSnapshot(
  members: readonly Etcd[],
  file: string,
  { bumpRevision }: RestoreOptions = {},
): Promise<void> {
  const bump = bumpRevision === undefined ? [] : [`--bump-revision=${bumpRevision}`, '--mark-compacted'];
  await Promise.all(members.map((member) => member.wipe()));
  await Promise.all(members.map((member) => restoreMember(member, file, bump)));
  await Promise.all(members.map((member) => member.restart()));
}

async function restoreMember(member: Etcd, file: string, flags: readonly string[]): Promise<void> {
  const { name, peerUrl, initialCluster } = member.membership;
  const self = [`--name=${name}`, `--initial-advertise-peer-urls=${peerUrl}`, `--initial-cluster=${initialCluster}`];
  await member.etcdutl(['snapshot', 'restore', file, `--data-dir=${member.dataDir}`, ...self, ...flags]);
}
