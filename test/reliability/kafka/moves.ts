import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../support/ports.js';
import type { Cast } from './cast.js';
import type { Scenario } from './scenario.js';
import type { Part, Stage } from './stage.js';

// Brokers that move, all at once or one by one, and a registry that hears of it in time, late, or early.

/** How late a registry can be, ms. */
const LATE_MS = 60_000;

export const K01: Scenario = {
  name: 'K01',
  what: 'brokers replaced one by one',
  async play(stage, cast) {
    // A broker that leads now may be one that this producer never wrote to: a connection to it is no new start.
    const brokers = new Set(stage.kafka.bootstrap);
    // Each client has two other brokers meanwhile, and need not start anew. Platformatic's does: it asks its bootstrap
    // list before the brokers that it knows, and so connects to its relay again when the broker behind it goes.
    const spares = ({ client, way }: Part): boolean => client === 'platformatic' && way === 'relay';
    await cast.calm('one by one', () => replaceEach(stage, cast, brokers), { except: (to) => brokers.has(to), spares });
  },
};

export const K02: Scenario = {
  name: 'K02',
  what: 'all brokers stopped, and moved',
  play: (stage, cast) => moveAll(stage, cast, 'stop'),
};

export const K03: Scenario = {
  name: 'K03',
  what: 'all brokers killed -9, and moved',
  play: (stage, cast) => moveAll(stage, cast, 'kill9'),
};

export const K04: Scenario = {
  name: 'K04',
  what: 'the registry hears of the move 60 s later',
  async play(stage, cast) {
    await stage.moveAll('kill9');
    await delay(LATE_MS);
    await cast.follow(await stage.keys.name(stage.kafka.bootstrap));
    await stage.inSync(cast.topic);
  },
};

export const K05: Scenario = {
  name: 'K05',
  what: 'the registry hears of the move before it happens',
  async play(stage, cast) {
    const ports = await Promise.all(stage.kafka.brokers.map(() => freePort()));
    const addresses = ports.map((port) => `127.0.0.1:${port}`);
    // Platformatic's asks the list for each of its metadata; as nobody is there yet, it goes on to the brokers that it knows.
    const spares = ({ client, way }: Part): boolean => client === 'platformatic' && way === 'native';
    await cast.calm('before the move', async () => cast.follow(await stage.keys.name(addresses), addresses), {
      spares,
    });
    const at = Date.now();
    await stage.moveAll('kill9', ports);
    await cast.each((process) => process.acknowledges(1, at));
    await cast.goOn();
    await stage.inSync(cast.topic);
  },
};

export const K21: Scenario = {
  name: 'K21',
  what: 'one of three keys changes',
  async play(stage, cast) {
    const [broker] = stage.kafka.brokers;
    if (broker === undefined) throw new Error('no broker');
    const [, ...others] = stage.kafka.bootstrap;
    const alias = `localhost:${broker.port}`;
    await cast.calm('one of three', async () => {
      await stage.keys.put(alias);
      await cast.follow(await stage.keys.delete(broker.endpoint), [alias, ...others]);
      await stage.keys.put(broker.endpoint);
      await cast.follow(await stage.keys.delete(alias));
    });
  },
};

export const K22: Scenario = {
  name: 'K22',
  what: 'processes that start after all brokers were replaced',
  async play(stage, cast) {
    await cast.again(async () => {
      for (const broker of stage.kafka.brokers) {
        await stage.inSync(cast.topic);
        await stage.keys.delete(broker.endpoint);
        await broker.stop();
        await broker.move();
        await stage.keys.put(broker.endpoint);
      }
    });
  },
};

async function moveAll(stage: Stage, cast: Cast, end: 'kill9' | 'stop'): Promise<void> {
  await stage.moveAll(end);
  await cast.follow(await stage.keys.name(stage.kafka.bootstrap));
  await stage.inSync(cast.topic);
}

async function replaceEach(stage: Stage, cast: Cast, brokers: Set<string>): Promise<void> {
  for (const broker of stage.kafka.brokers) {
    await stage.inSync(cast.topic);
    const before = broker.endpoint;
    await broker.stop();
    await broker.move();
    brokers.add(broker.endpoint);
    await stage.keys.put(broker.endpoint);
    await cast.follow(await stage.keys.delete(before));
  }
}
