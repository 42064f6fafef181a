import { setTimeout as delay } from 'node:timers/promises';
import { untilReady } from '../../../servers/ready.mjs';
import type { Consul } from '../../support/consul.js';
import type { Fault } from '../backend.js';
import { type Stage, untilHealthy, victim } from './stage.js';

const LEADER_MS = 15_000;

/** What happens to servers and to the client agent, one after another. */
export function serverFaults(stage: Stage): Fault[] {
  const { cluster, agent, ledger } = stage;

  const kill = async (consuls: readonly Consul[], forMs: number): Promise<void> => {
    if (consuls.some((consul) => consul !== agent)) ledger.electing();
    await Promise.all(consuls.map((consul) => consul.kill9()));
    await delay(forMs);
    await Promise.all(consuls.map((consul) => consul.restart()));
    await untilHealthy(stage);
  };

  const stop = async (consul: Consul, forMs: number): Promise<void> => {
    if (consul !== agent) ledger.electing();
    consul.pause();
    await delay(forMs);
    consul.resume();
    await untilHealthy(stage);
  };

  const leader = async (): Promise<Consul> => {
    let found: Consul | undefined;
    await untilReady(async () => {
      found = await cluster.leader();
      return found !== undefined;
    }, AbortSignal.timeout(LEADER_MS));
    if (found === undefined) throw new Error('nobody leads');
    return found;
  };

  return [
    {
      name: 'kill -9',
      lane: 'servers',
      lastsMs: [100, 4_000],
      async run({ forMs, random, say }) {
        const server = victim(stage, random);
        say(server.endpoint);
        await kill([server], forMs);
      },
    },
    {
      name: 'kill -9 of the leader',
      lane: 'servers',
      lastsMs: [100, 4_000],
      async run({ forMs, say }) {
        const server = await leader();
        say(server.endpoint);
        await kill([server], forMs);
      },
    },
    {
      name: 'SIGSTOP',
      lane: 'servers',
      lastsMs: [500, 9_000],
      async run({ forMs, random, say }) {
        const server = victim(stage, random);
        say(server.endpoint);
        await stop(server, forMs);
      },
    },
    {
      name: 'kill -9 of the agent',
      lane: 'servers',
      lastsMs: [100, 4_000],
      run: ({ forMs }) => kill([agent], forMs),
    },
    {
      name: 'SIGSTOP of the agent',
      lane: 'servers',
      lastsMs: [500, 9_000],
      run: ({ forMs }) => stop(agent, forMs),
    },
    {
      name: 'quorum lost',
      lane: 'servers',
      // After 7 s without a leader a server says so.
      lastsMs: [1_000, 9_000],
      async run({ forMs, random, say }) {
        const [left, ...others] = random.shuffled(cluster.servers);
        say(`${left?.endpoint} is left`);
        await kill(others, forMs);
      },
    },
  ];
}
