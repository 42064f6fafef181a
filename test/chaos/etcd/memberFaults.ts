import { setTimeout as delay } from 'node:timers/promises';
import type { Etcd } from '../../support/etcd.js';
import { defragment } from '../../support/etcd-maintenance.js';
import type { Fault, FaultContext } from '../backend.js';
import { type Stage, untilHealthy, victim } from './stage.js';

/** What happens to members, one fault after another: two at once could take the quorum for longer than is meant. */
export function memberFaults(stage: Stage): Fault[] {
  const { cluster } = stage;

  const kill = async (member: Etcd, { forMs, say }: FaultContext): Promise<void> => {
    say(member.membership.name);
    await member.kill9();
    await delay(forMs);
    await member.restart();
  };

  return [
    {
      name: 'kill -9',
      lane: 'servers',
      lastsMs: [100, 4_000],
      run: (context) => kill(victim(stage, context.random), context),
    },
    {
      name: 'kill -9 of the leader',
      lane: 'servers',
      lastsMs: [100, 4_000],
      run: async (context) => kill(await cluster.leader(), context),
    },
    {
      name: 'SIGSTOP',
      lane: 'servers',
      lastsMs: [500, 20_000],
      async run({ forMs, random, say }) {
        const member = victim(stage, random);
        say(member.membership.name);
        member.pause();
        await delay(forMs);
        member.resume();
        await untilHealthy(stage, member);
      },
    },
    {
      name: 'partition',
      lane: 'servers',
      // Below two election timeouts the member may not even notice.
      lastsMs: [1_200, 8_000],
      async run({ forMs, random, say }) {
        const member = victim(stage, random);
        const how = random.pick(['stall', 'cut'] as const);
        say(`${member.membership.name}, ${how}`);
        await cluster.partition(member, how);
        await delay(forMs);
        await cluster.heal(member);
        await untilHealthy(stage, member);
      },
    },
    {
      name: 'quorum lost',
      lane: 'servers',
      lastsMs: [1_000, 12_000],
      async run({ forMs, random, say }) {
        const [stays, ...others] = random.shuffled(cluster.members);
        say(`${stays?.membership.name} is left`);
        await Promise.all(others.map((member) => member.kill9()));
        await delay(forMs);
        await Promise.all(others.map((member) => member.restart()));
      },
    },
    {
      name: 'defragmentation',
      lane: 'servers',
      lastsMs: [0, 0],
      run: ({ random }) => defragment(victim(stage, random)),
    },
    {
      name: 'compaction',
      lane: 'servers',
      lastsMs: [0, 0],
      async run({ random, say }) {
        const behind = random.chance(0.5) ? 0n : BigInt(random.between(1, 200));
        say(`at ${await stage.ledger.compact(behind)}`);
      },
    },
  ];
}
