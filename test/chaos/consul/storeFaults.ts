import { setTimeout as delay } from 'node:timers/promises';
import { untilReady } from '../../../servers/ready.mjs';
import { restoreSnapshot, saveSnapshot } from '../../support/consul-snapshot.js';
import type { Fault, FaultContext } from '../backend.js';
import { type Stage, untilHealthy } from './stage.js';

/** Longer than an election on a busy machine and a snapshot that was given up after 15 s, ms. */
const LEADER_MS = 25_000;
/** So many leaders are killed that hang in a restore. */
const MOST_KILLS = 2;

/** `consul snapshot restore` of an earlier state, so that indexes go back. */
export function storeFaults(stage: Stage): Fault[] {
  const { cluster, ways, ledger } = stage;
  /** Of before the last restore. */
  let earlier: string | undefined;

  const restore = async ({ forMs, random, say }: FaultContext): Promise<void> => {
    const fresh = await withLeader(() => saveSnapshot(random.pick(cluster.servers)));
    const file = earlier !== undefined && random.chance(0.5) ? earlier : fresh;
    say(file === fresh ? `of ${forMs} ms before` : 'of before the last restore');
    earlier = fresh;
    await delay(forMs);
    ledger.restoring();
    await restoreAtLast(() => restoreSnapshot(random.pick(cluster.servers), file), say);
    await untilHealthy(stage);
  };

  /** Consul 1.22 hung for good in 2 of some 300 restores, and with it each further one: until its leader was killed. */
  const restoreAtLast = async (run: () => Promise<void>, say: FaultContext['say']): Promise<void> => {
    for (let kills = 0; ; kills++) {
      try {
        return await withLeader(run);
      } catch (error) {
        const leader = await cluster.leader();
        if (kills === MOST_KILLS || leader === undefined) throw error;
        say(`${leader.endpoint}, the leader, hangs and is killed`);
        ledger.electing();
        await leader.kill9();
        await leader.restart();
      }
    }
  };

  return [
    { name: 'restore', lane: 'alone', lastsMs: [500, 4_000], run: restore },
    {
      name: 'restore while cut off',
      lane: 'alone',
      lastsMs: [500, 4_000],
      async run(context) {
        await Promise.all(ways.map(({ link }) => link.cut()));
        await restore(context);
        // Half the time the indexes overtake the old ones before anybody looks.
        if (context.random.chance(0.5)) await delay(context.forMs);
        await Promise.all(ways.map(({ link }) => link.resume()));
      },
    },
  ];
}

/** Repeats a snapshot command while servers elect a leader, which servers that were stopped for a while do at any time. */
async function withLeader<T>(run: () => Promise<T>): Promise<T> {
  const done: T[] = [];
  await untilReady(async () => done.push(await run()) > 0, AbortSignal.timeout(LEADER_MS));
  return done[0] as T;
}
