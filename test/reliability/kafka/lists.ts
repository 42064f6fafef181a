import { setTimeout as delay } from 'node:timers/promises';
import type { Scenario } from './scenario.js';

// A registry that is empty, full of junk, restless, or away: producers go on as if nothing had happened.

/** A key that comes and goes every 50 ms, for 5 s. */
const FLAPS = 100;
const FLAP_MS = 50;
/** Longer than any pause between two flaps, on a busy machine too; and what holds a change back at most, ms. */
const QUIET = { quietMs: 1_000, maxQuietMs: 2_000 };
/** Those of the end: the alias alone, and the way back, in two steps if these are slow. */
const LAST_LISTS = 3;

const JUNK = ['not a broker', '127.0.0.1:99999', 'http://127.0.0.1/'];

export const K06: Scenario = {
  name: 'K06',
  what: 'the registry goes empty',
  async play(stage, cast) {
    await cast.calm('empty', async () => {
      const at = await stage.keys.name([]);
      await cast.each((process) => process.becomes('stale', 'TOO_FEW_BROKERS', at));
    });
    await cast.calm('named again', async () => {
      const at = Date.now();
      await stage.keys.name(stage.kafka.bootstrap);
      await cast.each((process) => process.becomes('live', undefined, at));
    });
  },
};

export const K07: Scenario = {
  name: 'K07',
  what: 'junk beside the good',
  async play(stage, cast) {
    await cast.calm('junk beside the good', async () => {
      for (const key of JUNK) await stage.keys.put(key);
      const [first = '', ...others] = stage.kafka.bootstrap;
      const alias = first.replace('127.0.0.1', 'localhost');
      await stage.keys.put(alias);
      await cast.follow(await stage.keys.delete(first), [alias, ...others]);
      await cast.follow(await stage.keys.name(stage.kafka.bootstrap));
    });
  },
};

export const K08: Scenario = {
  name: 'K08',
  what: 'nothing but junk',
  async play(stage, cast) {
    await cast.calm('nothing but junk', async () => {
      const at = await stage.keys.name(JUNK);
      await cast.each((process) => process.becomes('stale', 'TOO_FEW_BROKERS', at));
    });
    await cast.calm('good again', async () => {
      const at = Date.now();
      await stage.keys.name(stage.kafka.bootstrap);
      await cast.each((process) => process.becomes('live', undefined, at));
    });
  },
};

export const K09: Scenario = {
  name: 'K09',
  what: 'a key flaps at 10 Hz for 5 s',
  list: () => QUIET,
  async play(stage, cast) {
    const [first = '', ...others] = stage.kafka.bootstrap;
    const alias = first.replace('127.0.0.1', 'localhost');
    await cast.calm('flapping', async () => {
      for (let flap = 0; flap < FLAPS; flap++) {
        await (flap % 2 === 0 ? stage.keys.put(alias) : stage.keys.delete(alias));
        await delay(FLAP_MS);
      }
      await stage.keys.put(alias);
      await cast.follow(await stage.keys.delete(first), [alias, ...others]);
    });
    await cast.follow(await stage.keys.name(stage.kafka.bootstrap));
  },
  wrong: ({ record, turns }) => {
    const most = turns.map(({ durationMs }) => durationMs / QUIET.maxQuietMs + LAST_LISTS).reduce((a, b) => a + b, 1);
    return record.lists.length > most ? [`${record.lists.length} lists`] : [];
  },
};

export const K16: Scenario = {
  name: 'K16',
  what: 'a start with an empty registry',
  cannot({ client, way }) {
    if (client === 'platformatic' || way === 'native') return undefined;
    return 'It cannot be cancelled while it connects to its relay for the first time.';
  },
  async play(stage, cast) {
    await stage.keys.name([]);
    await cast.cancelled((process) => process.becomes('stale', 'TOO_FEW_BROKERS', 0));
    await cast.again(
      () => stage.keys.name([]),
      async () => {
        await cast.each((process) => process.becomes('stale', 'TOO_FEW_BROKERS', 0));
        await stage.keys.name(stage.kafka.bootstrap);
      },
    );
  },
};

export const K15: Scenario = {
  name: 'K15',
  what: 'the registry is killed, compacted, and comes back',
  async play(stage, cast) {
    await cast.calm('killed', async () => {
      const at = Date.now();
      await stage.etcd.kill9();
      await cast.each((process) => process.becomes('stale', 'UNREACHABLE', at));
    });
    await cast.calm('back', async () => {
      const at = Date.now();
      await stage.etcd.restart();
      await stage.keys.compact();
      await cast.each((process) => process.becomes('live', undefined, at));
    });
  },
};
