import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Etcd } from './etcd.js';
import { temporaryRoot } from './reaper.js';

/** Operations of an administrator on a store. */

/** Compacts the whole cluster's history before a revision. */
export async function compact(etcd: Etcd, revision: string): Promise<void> {
  await etcd.etcdctl(['compact', revision]);
}

/** Defragments one member. It answers nothing meanwhile. */
export async function defragment(etcd: Etcd): Promise<void> {
  await etcd.etcdctl(['defrag']);
}

/** Saves a snapshot of a member. @returns the file, which is removed when the test process ends */
export async function saveSnapshot(etcd: Etcd): Promise<string> {
  const file = join(temporaryRoot(), `etcd-${randomUUID()}.snapshot`);
  await etcd.etcdctl(['snapshot', 'save', file]);
  return file;
}

export interface RestoreOptions {
  /**
   * The number of revisions that the restored store begins above the saved one, with everything before it compacted
   * (`--bump-revision --mark-compacted`), so that no watcher takes it for the old history. Without it, revisions of the
   * lost history are used again.
   */
  readonly bumpRevision?: bigint;
}

/**
 * Restores a snapshot on the whole cluster, on the same ports: every member is killed, wiped, filled and restarted.
 * Cluster id and member ids stay.
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
