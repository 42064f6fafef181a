import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Etcd } from './etcd.js';
import { type EtcdCluster, startEtcdCluster } from './etcd-cluster.js';
import { compact, defragment, restoreSnapshot, saveSnapshot } from './etcd-maintenance.js';

let cluster: EtcdCluster;
beforeAll(async () => {
  cluster = await startEtcdCluster(3, { partitionable: true, flags: ['--unsafe-no-fsync'] });
});
afterAll(() => cluster[Symbol.asyncDispose]());

const get = (etcd: Etcd, key: string) => etcd.etcdctl(['get', '--print-value-only', key]);
/** What the member itself holds; answered without a leader. */
const held = (etcd: Etcd, key: string) => etcd.etcdctl(['get', '--print-value-only', '--consistency=s', key]);

async function status(etcd: Etcd): Promise<{ leader?: number; header: { revision: number } }> {
  return JSON.parse(await etcd.etcdctl(['endpoint', 'status', '-w', 'json']))[0].Status;
}
const hasLeader = async (etcd: Etcd) => ((await status(etcd)).leader ?? 0) !== 0;

test('three etcd go on without their leader', async () => {
  const leader = await cluster.leader();
  await leader.etcdctl(['put', 'a', '1']);
  await leader.kill9();
  const next = await cluster.leader();
  expect(next).not.toBe(leader);
  await next.etcdctl(['put', 'b', '2']);
  expect(await get(next, 'a')).toBe('1\n');
  await leader.restart();
  expect(await get(leader, 'b')).toBe('2\n');
});

test('a paused leader: the others have one of their own', async () => {
  const leader = await cluster.leader();
  leader.pause();
  const next = await cluster.leader();
  expect(next).not.toBe(leader);
  await next.etcdctl(['put', 'a', 'meanwhile']);
  leader.resume();
  await expect.poll(() => held(leader, 'a')).toBe('meanwhile\n');
});

describe('a leader that is parted from its peers', () => {
  test.each(['stall', 'cut'] as const)('by a %s has no leader and changes nothing until it is healed', async (how) => {
    const leader = await cluster.leader();
    await leader.etcdctl(['put', 'a', 'before']);
    await cluster.partition(leader, how);
    const next = await cluster.leader();
    expect(next).not.toBe(leader);
    await next.etcdctl(['put', 'a', 'meanwhile']);
    await expect.poll(() => hasLeader(leader), { timeout: 10_000 }).toBe(false);
    expect(await held(leader, 'a')).toBe('before\n');
    await expect(leader.etcdctl(['put', 'a', 'lost', '--command-timeout=300ms'])).rejects.toThrow('etcdctl');
    await cluster.heal();
    await expect.poll(() => held(leader, 'a'), { timeout: 10_000 }).toBe('meanwhile\n');
  });

  test('two at once: no quorum, and the one that is healed gives it back', async () => {
    const leader = await cluster.leader();
    const [first, second] = cluster.members.filter((member) => member !== leader);
    if (first === undefined || second === undefined) throw new Error('no three members');
    await cluster.partition(first);
    await cluster.partition(second, 'cut');
    await expect.poll(() => hasLeader(leader), { timeout: 10_000 }).toBe(false);
    await cluster.heal(first);
    await (await cluster.leader()).etcdctl(['put', 'a', 'by two']);
    expect(await hasLeader(second)).toBe(false);
    await cluster.heal();
    await expect.poll(() => held(second, 'a'), { timeout: 10_000 }).toBe('by two\n');
  });
});

test('compacted, defragmented, and restored from a snapshot as a whole, with and without a bumped revision', async () => {
  const [first, second, third] = cluster.members;
  if (first === undefined || second === undefined || third === undefined) throw new Error('no three members');
  await first.etcdctl(['put', 'a', 'saved']);
  const { revision } = (await status(first)).header;
  const file = await saveSnapshot(first);
  await second.etcdctl(['put', 'a', 'lost']);
  await compact(second, String(revision));
  await expect(third.etcdctl(['get', 'a', `--rev=${revision - 1}`])).rejects.toThrow('compacted');
  for (const member of cluster.members) await defragment(member);

  await restoreSnapshot(cluster.members, file);
  await cluster.leader();
  expect(await get(third, 'a')).toBe('saved\n');
  expect((await status(third)).header.revision).toBe(revision);

  await restoreSnapshot(cluster.members, file, { bumpRevision: 1_000n });
  await cluster.leader();
  expect(await get(first, 'a')).toBe('saved\n');
  expect((await status(first)).header.revision).toBe(revision + 1_000);
  await expect(first.etcdctl(['get', 'a', `--rev=${revision}`])).rejects.toThrow('compacted');
});
