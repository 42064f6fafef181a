import { join } from 'node:path';
import { GrpcProxy } from '../between/grpcProxy.js';
import { EtcdStore } from './etcdStore.js';
import { BenchProgram, type Measured, measure, timed } from './program.js';
import { type Row, rowOf } from './row.js';
import { inTurn, type Work } from './works.js';

const GC = ['--expose-gc'];

const list: Work = {
  name: 'list',
  async run({ keys, rounds }, progress) {
    await using store = await EtcdStore.start();
    const { endpoint } = store;
    progress(`${keys} keys`);
    await store.fill('list/', keys);
    const sides = ['rollcall', 'etcd3', 'raw', 'etcdctl'] as const;
    const whole = await inTurn(sides, rounds, async (side) =>
      side === 'etcdctl'
        ? { wallMs: await etcdctl(store, ['get', '--prefix', 'list/']) }
        : measure('list', { side, endpoint, prefix: 'list/', keys, again: 0 }),
    );
    progress('again in a warm process');
    const warm = await inTurn(['rollcall', 'etcd3', 'raw'] as const, rounds, (side) =>
      measure('list', { side, endpoint, prefix: 'list/', keys, again: 6 }, GC),
    );
    const name = 'list';
    const work = `first list of ${keys} keys of 200 bytes`;
    const metric = 'whole process, ms';
    const ours = whole('rollcall', 'wallMs');
    const memory = 'whole process, peak memory, MB';
    const warmMetric = 'warm process, ms';
    const own = warm('rollcall', 'warmMs');
    return [
      row(name, work, metric, { of: 'ratio', most: 0.6 }, ours, 'etcd3 getAll', whole('etcd3', 'wallMs')),
      row(
        name,
        work,
        memory,
        { of: 'ratio', most: 0.7 },
        whole('rollcall', 'peakMb'),
        'etcd3 getAll',
        whole('etcd3', 'peakMb'),
      ),
      row(name, work, metric, { of: 'ratio', most: 1.2 }, ours, 'etcdctl get --prefix', whole('etcdctl', 'wallMs')),
      row(name, work, metric, undefined, ours, 'undecoded range', whole('raw', 'wallMs')),
      row(name, work, warmMetric, { of: 'ratio', most: 0.6 }, own, 'etcd3 getAll', warm('etcd3', 'warmMs')),
      row(name, work, warmMetric, { of: 'ratio', most: 1.3 }, own, 'undecoded range', warm('raw', 'warmMs')),
    ];
  },
};

const replay: Work = {
  name: 'replay',
  async run({ replay: { revisions, keysEach, singles }, rounds }, progress) {
    await using store = await EtcdStore.start();
    const { endpoint } = store;
    const events = revisions * keysEach;
    progress(`${events} events in ${revisions} revisions`);
    const since = await store.revisions('replay/', revisions, keysEach);
    const sides = ['rollcall', 'etcd3'] as const;
    const many = await inTurn(sides, rounds, (side) =>
      measure('replay', { side, endpoint, prefix: 'replay/', since, events, revisions }),
    );
    progress(`${singles} revisions of one key`);
    const sinceSingles = await store.singles('single/', singles);
    const task = { endpoint, prefix: 'single/', since: sinceSingles, events: singles, revisions: singles };
    const one = await inTurn(sides, rounds, (side) => measure('replay', { side, ...task }));
    const name = 'replay';
    const work = `replay of ${events} events in ${revisions} revisions`;
    const single = `replay of ${singles} revisions of one key`;
    const most = { of: 'ratio', most: 0.8 } as const;
    return [
      row(name, work, 'ms', most, many('rollcall', 'ms'), 'etcd3 Watcher', many('etcd3', 'ms')),
      row(name, work, 'cpu, ms', most, many('rollcall', 'cpuMs'), 'etcd3 Watcher', many('etcd3', 'cpuMs')),
      row(
        name,
        single,
        'cpu, ms',
        { of: 'ratio', most: 1.5 },
        one('rollcall', 'cpuMs'),
        'etcd3 Watcher',
        one('etcd3', 'cpuMs'),
      ),
    ];
  },
};

const watches: Work = {
  name: 'watches',
  async run({ watches: count, idleMs, settleMs, rounds }, progress) {
    await using store = await EtcdStore.start();
    const { endpoint } = store;
    progress(`${count} watches attach`);
    const attached = await inTurn(['rollcall', 'etcd3'] as const, rounds, (side) =>
      measure('watches', { side, endpoint, watches: count, idleMs: 0, settleMs: 0, windows: 0 }, GC),
    );
    progress('and do nothing, all sides at once');
    await using proxy = await GrpcProxy.start([endpoint]);
    const idle = async (side: string, at: string): Promise<number[]> => {
      const task = { side, endpoint: at, watches: count, idleMs, settleMs, windows: rounds };
      const measured = await measure('watches', task, GC);
      return Array.from({ length: rounds }, (_, i) => measured[`idlePercent${i}`] ?? Number.NaN);
    };
    const [own, peers, none, proxied] = await Promise.all([
      idle('rollcall', endpoint),
      idle('etcd3', endpoint),
      idle('none', endpoint),
      idle('rollcall', proxy.endpoint),
    ]);
    const name = 'watches';
    const work = `${count} watches of ${count} prefixes`;
    const peer = 'etcd3 lists and Watchers';
    const above = (percents: readonly number[]): number[] => percents.map((percent, i) => percent - (none[i] ?? 0));
    return [
      row(
        name,
        work,
        'attach, ms',
        { of: 'ratio', most: 0.5 },
        attached('rollcall', 'attachMs'),
        peer,
        attached('etcd3', 'attachMs'),
      ),
      row(
        name,
        work,
        'attach, cpu, ms',
        undefined,
        attached('rollcall', 'attachCpuMs'),
        peer,
        attached('etcd3', 'attachCpuMs'),
      ),
      row(
        name,
        work,
        'memory each, KB',
        { of: 'ours', most: 20 },
        attached('rollcall', 'kilobytesEach'),
        peer,
        attached('etcd3', 'kilobytesEach'),
      ),
      row(
        name,
        work,
        'idle, % of a core above an idle process',
        { of: 'ours', most: 0.3 },
        above(own),
        'etcd3 Watchers',
        above(peers),
      ),
      rowOf({
        name,
        work,
        metric: 'idle behind etcd grpc-proxy, % of a core above an idle process',
        ours: above(proxied),
      }),
    ];
  },
};

const live: Work = {
  name: 'live',
  async run({ live: rates, rounds }, progress) {
    await using store = await EtcdStore.start();
    const rows: Row[] = [];
    for (const { perSecond, events } of rates) {
      progress(`${perSecond} changes a second`);
      const measured = await inTurn(['rollcall', 'etcd3'] as const, rounds, (side, round) =>
        liveRound(store, { side, prefix: `live-${perSecond}-${side}-${round}/`, events, perSecond }),
      );
      const work = `change to reader at ${perSecond} changes a second`;
      const peer = 'etcd3 Watcher';
      rows.push(
        row(
          'live',
          work,
          'p50, ms',
          { of: 'difference', most: 0.1 },
          measured('rollcall', 'p50Ms'),
          peer,
          measured('etcd3', 'p50Ms'),
        ),
        row(
          'live',
          work,
          'p99, ms',
          { of: 'ratio', most: 1.3 },
          measured('rollcall', 'p99Ms'),
          peer,
          measured('etcd3', 'p99Ms'),
        ),
      );
    }
    return rows;
  },
};

/** Writes the time at a steady rate, in slots of 10 ms at most, while a program watches. */
async function liveRound(
  { client, endpoint }: EtcdStore,
  { side, prefix, events, perSecond }: { side: string; prefix: string; events: number; perSecond: number },
): Promise<Measured> {
  const program = BenchProgram.of('live', { side, endpoint, prefix, events });
  await program.said('ready');
  const began = performance.now();
  const puts: Promise<unknown>[] = [];
  while (puts.length < events) {
    const due = Math.min(events, Math.ceil(((performance.now() - began) / 1000) * perSecond));
    while (puts.length < due) {
      const now = String(performance.timeOrigin + performance.now());
      puts.push(
        client
          .put(`${prefix}${puts.length % 100}`)
          .value(now)
          .exec(),
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(puts);
  return program.result();
}

const firstState: Work = {
  name: 'event-loop',
  async run({ keys, manyKeys, rounds }, progress) {
    await using store = await EtcdStore.start();
    const rows: Row[] = [];
    for (const [prefix, count] of [
      ['some/', keys],
      ['many/', manyKeys],
    ] as const) {
      progress(`a first state of ${count} keys`);
      await store.fill(prefix, count);
      const task = { endpoint: store.endpoint, prefix, keys: count };
      const measured = await inTurn(['rollcall'] as const, rounds, () => measure('firstState', task));
      const metric = 'event loop held at once, garbage collection apart, ms';
      const target = { of: 'ours', most: 20 } as const;
      rows.push(
        rowOf({
          name: 'event-loop',
          work: `first state of ${count} keys`,
          metric,
          target,
          ours: measured('rollcall', 'longestMs'),
        }),
      );
    }
    return rows;
  },
};

const stalled: Work = {
  name: 'stalled',
  async run({ stalledChanges: changes, rounds }, progress) {
    await using store = await EtcdStore.start();
    progress(`${changes} changes before a reader that has stopped`);
    const measured = await inTurn(['stalled', 'none'] as const, rounds, async (side, round) => {
      const prefix = `stalled-${side}-${round}/`;
      const program = BenchProgram.of('stalled', { side, endpoint: store.endpoint, prefix, changes });
      await program.said('ready');
      await store.churn(prefix, changes);
      return program.result();
    });
    const work = `${changes} changes over 1000 keys, and a reader that has stopped`;
    const target = { of: 'ratio', most: 1.1 } as const;
    return [
      row(
        'stalled',
        work,
        'peak memory, MB',
        target,
        measured('stalled', 'peakMb'),
        'no reader',
        measured('none', 'peakMb'),
      ),
    ];
  },
};

const get: Work = {
  name: 'get-etcd',
  async run({ rounds }, progress) {
    await using store = await EtcdStore.start();
    progress('rollcall get etcd://…');
    await store.fill('get/', 1);
    return [await commandRow(`etcd://${store.endpoint}/get/0000000`, 'rollcall get etcd://…', 4.5, rounds)];
  },
};

/** A whole `rollcall get` beside an empty Node. */
export async function commandRow(url: string, work: string, most: number, rounds: number): Promise<Row> {
  const command = join(import.meta.dirname, '../../packages/cli/bin/rollcall.js');
  // The first of them fill the caches of the disk.
  await timed(process.execPath, [command, 'get', url]);
  const measured = await inTurn(['rollcall', 'node'] as const, rounds * 3, async (side) => ({
    ms: await timed(process.execPath, side === 'node' ? ['-e', '0'] : [command, 'get', url]),
  }));
  const metric = 'whole process, ms';
  return row(
    'get',
    work,
    metric,
    { of: 'ratio', most },
    measured('rollcall', 'ms'),
    'node -e 0',
    measured('node', 'ms'),
  );
}

function etcdctl({ etcd }: EtcdStore, args: readonly string[]): Promise<number> {
  return timed(join(etcd.folder, 'etcdctl'), [`--endpoints=${etcd.endpoint}`, ...args]);
}

function row(
  name: string,
  work: string,
  metric: string,
  target: Parameters<typeof rowOf>[0]['target'],
  ours: readonly number[],
  peerName: string,
  peer: readonly number[],
): Row {
  return rowOf({ name, work, metric, ...(target && { target }), ours, peer: { name: peerName, values: peer } });
}

export const etcdWorks: readonly Work[] = [list, replay, watches, live, firstState, stalled, get];
