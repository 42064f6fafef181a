import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Consul, startConsul } from '../support/consul.js';
import { temporaryRoot } from '../support/reaper.js';
import { commandRow } from './etcdWorks.js';
import { BenchProgram, measure } from './program.js';
import { etcd3Recovers, type Outage, type Recovery, rollcallRecovers } from './recovery.js';
import { type Row, rowOf } from './row.js';
import { inTurn, type Work } from './works.js';

/** Within Consul's limit of 128 operations a transaction. */
const PUTS_A_TRANSACTION = 64;
const HOT_KEYS = 10;
const PREFIX = 'bench/';

const consulChange: Work = {
  name: 'consul-change',
  async run({ consulKeys, consulChanges, rounds }, progress) {
    await using consul = await startConsul();
    progress(`one change under ${consulKeys} keys of Consul`);
    await fillConsul(consul, consulKeys);
    const measured = await inTurn(['rollcall', 'consul', 'none'] as const, rounds, async (side, round) => {
      const program = await consulProgram(consul, side);
      // The first ones still compile.
      for (let i = -5; i < consulChanges; i++) {
        if (i === 0) program.tell('measure');
        const value = `${side}-${round}-${i}`;
        const key = `${PREFIX}${String((i * 251 + consulKeys) % consulKeys).padStart(6, '0')}`;
        await putConsul(consul, key, value);
        if (side !== 'none') await program.said(`seen ${value}`);
        await pause(250);
      }
      const { cpuMs = Number.NaN } = await program.result();
      return { cpuMs: cpuMs / consulChanges };
    });
    // A process that does nothing uses some as well, for all the time between two changes.
    const none = measured('none', 'cpuMs');
    const above = (side: 'rollcall' | 'consul'): number[] =>
      measured(side, 'cpuMs').map((ms, i) => ms - (none[i] ?? 0));
    const work = `one change under ${consulKeys} keys of Consul`;
    const target = { of: 'ratio', most: 0.4 } as const;
    const peer = { name: 'consul Watch and a diff', values: above('consul') };
    const metric = 'cpu a change above an idle process, ms';
    return [rowOf({ name: 'consul-change', work, metric, target, ours: above('rollcall'), peer })];
  },
};

const consulHot: Work = {
  name: 'consul-hot',
  async run({ hotMs, rounds }, progress) {
    await using consul = await startConsul();
    progress('ten keys of Consul that change all the time');
    await fillConsul(consul, HOT_KEYS);
    const measured = await inTurn(['rollcall', 'consul'] as const, rounds, async (side, round) =>
      hotRound(consul, side, `${side}-${round}`, hotMs),
    );
    const work = `${HOT_KEYS} keys of Consul written as fast as it can, ${hotMs / 1000} s`;
    const peer = { name: 'consul Watch', values: measured('consul', 'queries') };
    const last = measured('rollcall', 'lastMs');
    return [
      rowOf({
        name: 'consul-hot',
        work,
        metric: 'queries',
        // Eleven a second: what Pace allows.
        target: { of: 'ours', most: 60 },
        ours: measured('rollcall', 'queries'),
        peer,
      }),
      rowOf({
        name: 'consul-hot',
        work,
        metric: 'last value seen after, ms',
        target: { of: 'ours', most: 250 },
        ours: last,
      }),
    ];
  },
};

async function hotRound(consul: Consul, side: string, run: string, ms: number): Promise<Record<string, number>> {
  const program = await consulProgram(consul, side);
  program.tell('measure');
  const until = performance.now() + ms;
  let writes = 0;
  const writer = async (): Promise<void> => {
    while (performance.now() < until) {
      await putConsul(consul, `${PREFIX}${String(writes % HOT_KEYS).padStart(6, '0')}`, `${run}-${writes++}`);
    }
  };
  await Promise.all(Array.from({ length: HOT_KEYS }, writer));
  const wroteAt = performance.now();
  await putConsul(consul, `${PREFIX}000000`, `${run}-last`);
  await program.said(`seen ${run}-last`);
  const lastMs = performance.now() - wroteAt;
  const { queries = Number.NaN } = await program.result();
  return { queries, lastMs };
}

async function consulProgram({ endpoint }: { readonly endpoint: string }, side: string): Promise<BenchProgram> {
  const program = BenchProgram.of('consul', { side, endpoint, prefix: PREFIX });
  await program.said('ready');
  return program;
}

async function putConsul(consul: Consul, key: string, value: string): Promise<void> {
  const answer = await fetch(`http://${consul.endpoint}/v1/kv/${key}`, { method: 'PUT', body: value });
  if (!answer.ok) throw new Error(`Consul answers ${answer.status} to a write`);
  await answer.arrayBuffer();
}

async function fillConsul(consul: Consul, keys: number): Promise<void> {
  const value = Buffer.alloc(100, 'v').toString('base64');
  for (let from = 0; from < keys; from += PUTS_A_TRANSACTION) {
    const operations = Array.from({ length: Math.min(PUTS_A_TRANSACTION, keys - from) }, (_, i) => ({
      KV: { Verb: 'set', Key: `${PREFIX}${String(from + i).padStart(6, '0')}`, Value: value },
    }));
    const body = JSON.stringify(operations);
    const answer = await fetch(`http://${consul.endpoint}/v1/txn`, { method: 'PUT', body });
    if (!answer.ok) throw new Error(`Consul answers ${answer.status} to a transaction`);
    await answer.arrayBuffer();
  }
}

const get: Work = {
  name: 'get-file',
  async run({ rounds, settleMs }, progress) {
    progress('rollcall get file:…');
    const folder = await mkdtemp(join(temporaryRoot(), 'bench-'));
    try {
      const file = join(folder, 'brokers.yaml');
      await writeFile(file, 'broker/kafka/1: "10.0.0.1:9092"\n');
      // As a file is that nobody has just written.
      await pause(settleMs);
      return [await commandRow(`file:${file}#broker/kafka/1`, 'rollcall get file:…', 3.5, rounds)];
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

const delta: Work = {
  name: 'delta',
  async run({ held: [few, many], rounds }, progress) {
    progress('one change of what is held, from the memory backend to its reader');
    const measured = await inTurn(['few', 'many'] as const, rounds, (side) =>
      measure('delta', { keys: side === 'few' ? few : many }),
    );
    const metric = 'microseconds, median';
    const ours = measured('few', 'microseconds');
    const peer = { name: `${few} held keys`, values: ours };
    return [
      rowOf({ name: 'delta', work: `one change of ${few} held keys`, metric, target: { of: 'ours', most: 20 }, ours }),
      rowOf({
        name: 'delta',
        work: `one change of ${many} held keys`,
        metric,
        target: { of: 'ratio', most: 4 },
        ours: measured('many', 'microseconds'),
        peer,
      }),
    ];
  },
};

const counts = [1, 200, 1_000];
const EVERY_OUTAGE: readonly Outage[] = (['etcd', 'consul'] as const).flatMap((backend) => [
  ...counts.map((watches): Outage => ({ backend, lost: 'link', downMs: 2_000, watches })),
  ...counts.map((watches): Outage => ({ backend, lost: 'server', downMs: 10_000, watches })),
  ...counts.map((watches): Outage => ({ backend, lost: 'server', downMs: 60_000, watches })),
]);
const SOME_OUTAGES = EVERY_OUTAGE.filter(({ watches, downMs }) => watches === 200 && downMs <= 10_000);
const SMALL_OUTAGES: readonly Outage[] = (['etcd', 'consul'] as const).map((backend) => ({
  backend,
  lost: 'link',
  downMs: 500,
  watches: 5,
}));

/** An outage is one measurement of many watches: it takes a minute or more, and is made once. */
function recovery(name: string, outages: readonly Outage[]): Work {
  return {
    name,
    async run({ rounds }, progress) {
      const rows: Row[] = [];
      for (const outage of rounds === 1 ? SMALL_OUTAGES : outages) {
        const { backend, lost, downMs, watches } = outage;
        const work = `${watches} watches of ${backend}, ${lost} down for ${downMs / 1000} s`;
        progress(work);
        const ours = await rollcallRecovers(outage);
        const hasPeer = backend === 'etcd' && watches <= 200;
        const peer = hasPeer ? await etcd3Recovers(outage) : undefined;
        if (ours.watches !== watches) throw new Error(`${ours.watches} of ${watches} watches came back`);
        rows.push(recoveryRow('median', 1_000), recoveryRow('last', 2_500));

        function recoveryRow(which: 'median' | 'last', most: number): Row {
          const ms = (of: Recovery): number => (which === 'median' ? of.medianMs : of.lastMs);
          return rowOf({
            name: 'recovery',
            work,
            metric: `${which} live again after the server could answer, ms`,
            target: { of: 'ours', most },
            ours: [ms(ours)],
            ...(peer && { peer: { name: 'etcd3 Watcher', values: [ms(peer)] } }),
          });
        }
      }
      return rows;
    },
  };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const otherWorks: readonly Work[] = [
  consulChange,
  consulHot,
  get,
  delta,
  recovery('recovery-some', SOME_OUTAGES),
];

/** Runs only where it is asked for: it takes a quarter of an hour. */
export const wholeRecovery: Work = recovery('recovery', EVERY_OUTAGE);
