import { BlackHole } from '../../support/black-hole.js';
import type { Scenario } from './scenario.js';

// Links that swallow what they should carry.

/** How long a producer may take to find its brokers when no old address answers, ms: a few dials of 10 s. */
const BOUND_MS = 40_000;
/** Acknowledgements swallowed in a turn, each with the connection that waited for it. */
const SWALLOWED = 5;

export const K13: Scenario = {
  name: 'K13',
  what: 'the old addresses swallow packets',
  async play(stage, cast) {
    const before = stage.kafka.brokers.map(({ port }) => port);
    await stage.endAll('kill9');
    // Nobody may be let in while it opens.
    await cast.each(async (process) => process.pause());
    await using _ = await BlackHole.open(before);
    await cast.each(async (process) => process.resume());
    await stage.moveAll('kill9');
    await cast.follow(await stage.keys.name(stage.kafka.bootstrap));
    await stage.inSync(cast.topic);
  },
  wrong: ({ turns }) =>
    turns.flatMap(({ firstMs = 0 }) => (firstMs > BOUND_MS ? [`the first acknowledgement after ${firstMs} ms`] : [])),
};

/** Who sends again what was not acknowledged sends it once; who does not is told of a failure that was none. */
export const K14: Scenario = {
  name: 'K14',
  what: 'acknowledgements are swallowed',
  behindDoor: true,
  control: 'impatient',
  async play({ door }, cast) {
    if (door === undefined) throw new Error('no door');
    for (let count = 0; count < SWALLOWED; count++) {
      await door.swallow();
      door.drop();
      await door.resume();
      await cast.goOn();
    }
  },
  wrong({ part, account }) {
    if (part.unsafe === undefined) return [];
    const { lost, duplicated, failedButDelivered } = account;
    return [
      ...(lost + duplicated === 0 ? [] : [`${lost} lost, ${duplicated} duplicated`]),
      ...(failedButDelivered > 0 ? [] : ['no failure of a message that is stored']),
    ];
  },
};
