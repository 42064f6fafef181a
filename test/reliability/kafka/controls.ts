import type { Scenario } from './scenario.js';

// Producers that must fail: a harness that finds nothing wrong with them would find nothing.

/** A static list, after which nothing is acknowledged: the producer is never told where its brokers are now. */
export const K23: Scenario = {
  name: 'K23',
  what: 'a static list, when all brokers are killed -9 and move',
  settleMs: 5_000,
  control: 'static',
  async play(stage, cast) {
    await stage.moveAll('kill9');
    await cast.follow(await stage.keys.name(stage.kafka.bootstrap));
    await stage.inSync(cast.topic);
  },
  wrong({ part, account, turns, record }) {
    if (part.way !== 'static') return [];
    const [first = Number.NaN] = turns.flatMap(({ changedAt = [] }) => changedAt);
    const after = record.senders.flatMap(({ acknowledged }) => acknowledged.filter((at) => at !== null && at >= first));
    return [
      ...(after.length === 0 ? [] : [`${after.length} acknowledged after the move`]),
      ...(account.pending + account.failed > 0 ? [] : ['nothing that it could not send']),
    ];
  },
};

/** Nothing is wrong with any one: the loss is a race. */
export const CONCURRENT: Scenario = {
  name: 'K23',
  what: 'kafkajs, idempotent, with several sends in flight, must lose something when all brokers move',
  control: 'concurrent',
  play: K23.play,
};
