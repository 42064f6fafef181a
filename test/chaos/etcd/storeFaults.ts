import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { untilReady } from '../../../servers/ready.mjs';
import { restoreSnapshot, saveSnapshot } from '../../support/etcd-maintenance.js';
import type { Fault, FaultContext } from '../backend.js';
import type { Saved } from './ledger.js';
import { linksInUse, type Stage } from './stage.js';

/** More than the 1,000 revisions that a server sends at once while a watch catches up. */
const BACKLOG = 2_500;
const CATCH_UP_CUTS = 4;
/** Between two batches of a catch-up: etcd looks for watches that lag every 100 ms. */
const CATCH_UP_MS = [5, 150] as const;
/** Backoffs until somebody connects again, on a busy machine. */
const BACK_MS = 20_000;
const BUMPS = [1_000, 1_000_000, 1_000_000_000] as const;

/** What happens to the store as a whole, while the watchers are cut off from it. */
export function storeFaults(stage: Stage): Fault[] {
  const { links, ledger, writer, cluster } = stage;
  /** From the restore before, mostly of another history. */
  let earlier: Saved | undefined;

  const whileCut = async (work: () => Promise<void>): Promise<void> => {
    await Promise.all(links.map((link) => link.cut()));
    try {
      await work();
    } finally {
      await Promise.all(links.map((link) => link.resume()));
    }
  };

  const save = async (): Promise<Saved> => {
    await writer.pause();
    await ledger.catchUp();
    const [member] = cluster.members;
    if (member === undefined) throw new Error('the cluster has no members');
    const file = await saveSnapshot(member);
    const { revision } = JSON.parse(await member.etcdutl(['snapshot', 'status', file, '-w', 'json']));
    writer.resume();
    return { file, era: ledger.era, revision: BigInt(revision) };
  };

  const restore = async ({ forMs, random, say, watchers }: FaultContext, bump: bigint): Promise<void> => {
    const fresh = await save();
    const oldest = earlier ?? fresh;
    const saved = random.chance(0.5) ? oldest : fresh;
    earlier = fresh;
    await delay(forMs);
    await whileCut(async () => {
      await watchers.untilNobodyIsLive();
      await writer.pause();
      await ledger.catchUp();
      say(
        `from ${ledger.history.head} back to ${saved.revision}${bump > 0n ? `, called ${saved.revision + bump}` : ''}`,
      );
      await restoreSnapshot(cluster.members, saved.file, bump > 0n ? { bumpRevision: bump } : {});
      await ledger.restored(saved, bump);
      writer.resume();
      // Half the time the new history overtakes the old one before anybody looks.
      if (random.chance(0.5)) await delay(forMs);
    });
    if (oldest !== fresh) await rm(oldest.file);
  };

  return [
    {
      name: 'compaction while cut off',
      lane: 'alone',
      lastsMs: [500, 4_000],
      run: ({ forMs, random, say }) =>
        whileCut(async () => {
          await delay(forMs);
          const revision = await ledger.compact(0n);
          say(`at ${revision}`);
          if (random.chance(0.5)) await delay(forMs / 2);
        }),
    },
    {
      name: 'cut in the catch-up',
      lane: 'alone',
      lastsMs: [0, 0],
      async run({ random }) {
        await whileCut(() => writer.burst(BACKLOG));
        for (let cuts = CATCH_UP_CUTS; cuts > 0; cuts--) {
          await untilReady(async () => linksInUse(stage).length > 0, AbortSignal.timeout(BACK_MS));
          await delay(random.between(...CATCH_UP_MS));
          for (const link of links) link.drop();
        }
      },
    },
    {
      name: 'restore',
      lane: 'alone',
      lastsMs: [200, 3_000],
      run: (context) => restore(context, 0n),
    },
    {
      name: 'restore with a bumped revision',
      lane: 'alone',
      lastsMs: [200, 3_000],
      run: (context) => restore(context, BigInt(context.random.pick(BUMPS))),
    },
  ];
}
