import { setTimeout as delay } from 'node:timers/promises';
import { type Answer, page } from '../../faults/scripted-consul.js';
import type { Fault } from '../backend.js';
import type { Stage } from './stage.js';

/** What comes on top on a busy machine, ms. */
const SLACK_MS = 4_000;
const RETRY_AFTER_S = 1;

/** What happens between the watchers and the agents: to links, and by load balancers that answer in Consul's place. */
export function linkFaults({ ways, maxSilenceMs }: Stage): Fault[] {
  const links = ways.map(({ link }) => link);
  const resume = async (): Promise<void> => void (await Promise.all(links.map((link) => link.resume())));

  const interjected = (name: string, interjection: Answer): Fault => ({
    name,
    lane: 'links',
    lastsMs: [300, 4_000],
    async run({ forMs, random, say }) {
      const chosen = random.shuffled(ways).slice(0, random.between(2, ways.length));
      say(`${chosen.length} of ${ways.length}`);
      for (const { balancer } of chosen) balancer.interject(interjection);
      await delay(forMs);
      for (const { balancer } of chosen) balancer.interject(undefined);
    },
  });

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
      lastsMs: [300, 5_000],
      async run({ forMs, random, say }) {
        const cut = random.shuffled(links).slice(0, random.between(1, links.length));
        say(`${cut.length} of ${links.length}`);
        await Promise.all(cut.map((link) => link.cut()));
        await delay(forMs);
        await resume();
      },
    },
    {
      name: 'links stall',
      lane: 'links',
      lastsMs: [200, 4_000],
      async run({ forMs }) {
        for (const link of links) link.stall();
        await delay(forMs);
        await resume();
      },
    },
    {
      name: 'half-open',
      lane: 'alone',
      // Until it is noticed.
      lastsMs: [6_000, 6_000],
      async run({ say, watchers }) {
        await watchers.untilAllAreLive();
        const began = performance.now();
        for (const link of links) link.stall();
        await watchers.untilNobodyIsLive();
        const ms = Math.round(performance.now() - began);
        say(`noticed by all after ${ms} ms`);
        if (ms > maxSilenceMs + SLACK_MS) watchers.blame(`half-open links were noticed after ${ms} ms only`);
        for (const link of links) link.drop();
        await resume();
      },
    },
    interjected('page with 200', page(200)),
    interjected('400', (response) => response.writeHead(400).end()),
    interjected('429 with Retry-After', (response) =>
      response.writeHead(429, { 'retry-after': String(RETRY_AFTER_S) }).end(),
    ),
    interjected('503 with a page', page(503)),
  ];
}
