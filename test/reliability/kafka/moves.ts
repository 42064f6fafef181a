import type { Scenario } from './scenario.js';

/** Brokers that move, all at once or one by one, and a registry that hears of it in time, late, or early. */
export const K01: Scenario = {
  name: 'K01',
  what: 'brokers replaced one by one',
  async play(stage, cast) {
    for (const broker of stage.kafka.brokers) {
      await stage.inSync(cast.topics);
      const before = broker.endpoint;
      await broker.stop();
      await broker.move();
      await stage.keys.put(broker.endpoint);
      await cast.follow(await stage.keys.delete(before));
    }
  },
};

export const K02: Scenario = {
  name: 'K02',
  what: 'all brokers stopped and moved at once',
  async play(stage, cast) {
    await stage.moveAll('stop');
    await cast.follow(await stage.keys.name(stage.kafka.bootstrap));
    await stage.inSync(cast.topics);
  },
};

export const K03: Scenario = {
  name: 'K03',
  what: 'all brokers killed -9 and moved at once',
  async play(stage, cast) {
    await stage.moveAll('kill9');
    await cast.follow(await stage.keys.name(stage.kafka.bootstrap));
    await stage.inSync(cast.topics);
  },
};

export const K21: Scenario = {
  name: 'K21',
  what: 'one of three keys changes',
  async play(stage, cast) {
    const [broker] = stage.kafka.brokers;
    if (broker === undefined) throw new Error('no broker');
    const others = stage.kafka.bootstrap.slice(1);
    const alias = `localhost:${broker.port}`;
    await stage.keys.put(alias);
    await cast.follow(await stage.keys.delete(broker.endpoint), [alias, ...others]);
    await stage.keys.put(broker.endpoint);
    await cast.follow(await stage.keys.delete(alias));
  },
};
