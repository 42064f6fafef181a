import { platform } from 'node:os';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Consul } from '../support/consul.js';
import { type ConsulPeers, startConsulPeers } from '../support/consul-peers.js';
import { Doors } from '../support/doors.js';
import { Followed, write } from './consul-followed.js';
import { Watching } from './consul-watching.js';

/** Short waits, so that what a server does not say is noticed soon. */
const FAST = { waitMs: 500, random: 0.05 };

// Other systems have one loopback address.
describe.skipIf(platform() !== 'linux')('a server is parted from its peers, not from who watches', () => {
  let peers: ConsulPeers;
  beforeAll(async () => {
    peers = await startConsulPeers();
  });
  afterAll(() => peers[Symbol.asyncDispose]());

  /** The leader that a server follows, another than the one that was. */
  const leaderOf = (server: Consul, was?: Consul): Promise<Consul> =>
    vi.waitUntil(
      async () => {
        const leader = await peers.leaderOf(server);
        return leader !== was && leader;
      },
      { timeout: 20_000 },
    );

  test.each([
    ['leader', 'cut'],
    ['follower', 'stall'],
  ] as const)('S24 a %s, by a %s: stale, then another is followed, and nothing is lost', async (role, how) => {
    const [some, other] = peers.servers;
    if (some === undefined || other === undefined) throw new Error('three servers were started');
    const leader = await leaderOf(some);
    const parted = role === 'leader' ? leader : leader === some ? other : some;
    const [left] = peers.servers.filter((server) => server !== parted);
    if (left === undefined) throw new Error('three servers were started');
    await using doors = await Doors.before(peers.servers);
    const name = `s24-${role}`;
    await write(left, name, '1', 1);
    await using watched = await Followed.started(name, (what) =>
      doors.inOrder([parted], () => new Watching(`consul://${doors.endpoints}/${what}`, FAST)),
    );
    expect(doors.used).toEqual([parted]);

    await peers.part(parted, how);
    onTestFinished(() => peers.heal(parted));
    if (parted === leader) await leaderOf(left, parted);
    for (const id of ['1', '2', 'last']) await write(left, name, id, 2);
    await watched.number('last', 2);
    await watched.wasStale();
    await watched.expectServersState(left);
    // It was not told by the one that is parted: that one does not know it.
    expect((await parted.http(`/v1/kv/${name}/last?stale`)).status).toBe(404);

    await peers.heal(parted);
    await leaderOf(parted);
    await write(parted, name, 'healed', 3);
    await watched.number('healed', 3);
    await watched.expectServersState(parted);
  });
});
