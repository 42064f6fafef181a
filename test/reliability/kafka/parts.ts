import type { ClientName } from '../../support/clients.js';
import type { Way } from '../../support/producers/protocol.js';
import type { Scenario } from './scenario.js';
import type { Part } from './stage.js';

/** The recommended way of each client first. librdkafka's have no other. */
const WAYS: Readonly<Record<ClientName, readonly Way[]>> = {
  kafkajs: ['native', 'relay'],
  platformatic: ['native', 'relay'],
  confluent: ['relay'],
  'node-rdkafka': ['relay'],
};

/** Eight senders together send no more than a few hundred messages a second, for there are several producers beside. */
const EIGHT = { senders: 8, periodMs: 40 };
const ONE = { senders: 1, periodMs: 20 };

/**
 * Producers to go side by side through a scenario: each client in each of its ways, with one sender and with eight; the
 * one keyed and the other not, and the other way round in the next block. And its control.
 */
export function partsFor({ control }: Scenario, clients: readonly ClientName[], block: number): Part[] {
  const keyed = block % 2 === 0;
  const parts = clients.flatMap((client) =>
    WAYS[client].flatMap((way): Part[] => [
      { client, way, ...ONE, keyed },
      { client, way, ...EIGHT, keyed: !keyed },
    ]),
  );
  switch (control) {
    case 'static':
      return [...parts, ...clients.map((client): Part => ({ client, way: 'static', ...ONE, keyed }))];
    case 'concurrent':
      // Alone: four of them, to see the rare sooner.
      return [true, false, true, false].map(
        (each): Part => ({ client: 'kafkajs', way: 'native', ...EIGHT, keyed: each, unsafe: control }),
      );
    case 'impatient':
      return clients.includes('kafkajs')
        ? [...parts, { client: 'kafkajs', way: 'native', ...ONE, keyed, unsafe: control }]
        : parts;
    default:
      return parts;
  }
}
