import { setTimeout as delay } from 'node:timers/promises';
import { untilReady } from '../../../servers/ready.mjs';
import type { TcpProxy } from '../../support/proxy.js';
import type { Fault } from '../backend.js';
import { linksInUse, type Stage } from './stage.js';

/** The keepalive gives a silent link up after 12 s, the watchdog after 15. */
const NOTICED_MS = 25_000;

/** What happens to the links between the watchers and the members. */
export function linkFaults(stage: Stage): Fault[] {
  const { links } = stage;
  return [
    {
      name: 'connections reset',
      lane: 'links',
      lastsMs: [0, 600],
      async run({ forMs, random }) {
        for (let times = random.between(1, 4); times > 0; times--) {
          for (const link of links) link.drop();
          await delay(forMs / 4);
        }
      },
    },
    {
      name: 'links refuse',
      lane: 'links',
      lastsMs: [300, 6_000],
      async run({ forMs, random, say }) {
        const cut = random.shuffled(links).slice(0, random.between(1, links.length));
        say(`${cut.length} of ${links.length}`);
        await Promise.all(cut.map((link) => link.cut()));
        await delay(forMs);
        await Promise.all(cut.map((link) => link.resume()));
      },
    },
    {
      name: 'links stall',
      lane: 'links',
      lastsMs: [200, 4_000],
      async run({ forMs }) {
        for (const link of links) link.stall();
        await delay(forMs);
        for (const link of links) await link.resume();
      },
    },
    {
      name: 'half-open',
      lane: 'links',
      // Until it is noticed, by the keepalive mostly.
      lastsMs: [12_000, 12_000],
      async run({ say, watchers }) {
        await watchers.untilAllAreLive();
        const stalled = linksInUse(stage);
        const before = totals(links);
        for (const link of stalled) link.stall();
        const began = performance.now();
        try {
          // Who is on a link that carries nothing must connect anew.
          await untilReady(async () => totals(links) > before, AbortSignal.timeout(NOTICED_MS));
          say(`noticed after ${Math.round(performance.now() - began)} ms`);
        } catch {
          watchers.blame(`a half-open link was not noticed in ${NOTICED_MS} ms`);
        }
        for (const link of stalled) {
          link.drop();
          await link.resume();
        }
      },
    },
  ];
}

/** Connections ever made over the links. */
function totals(links: readonly TcpProxy[]): number {
  return links.reduce((sum, { connections }) => sum + connections.total, 0);
}
