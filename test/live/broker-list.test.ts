import { createRegistry } from '@rollcall/core';
import { etcdAdapter } from '@rollcall/etcd';
import { type BrokerList, type BrokerListOptions, brokerList } from '@rollcall/kafka';
import { expect, test } from 'vitest';
import { startEtcd } from '../support/etcd.js';
import { startKafka } from '../support/kafka.js';
import { listed, reached } from '../support/producing.js';
import { within } from '../support/within.js';

const PREFIX = 'broker/kafka/';
/** How long any one event may take, ms: only so that a failure says which one did not come. */
const PATIENCE_MS = 20_000;

/** What became of each address, once a list was decided on. */
async function decided(brokers: BrokerList): Promise<Record<string, string>> {
  await new Promise<void>((resolve) => {
    const look = (): void => {
      if (brokers.explain().decision === undefined) return;
      stop();
      resolve();
    };
    const stop = brokers.onChange(look);
    look();
  });
  return Object.fromEntries(brokers.explain().addresses.map(({ address, outcome }) => [address, outcome]));
}

test('K10 K11 K12 brokers of real clusters are asked before they are listed', async () => {
  await using etcd = await startEtcd();
  await using orders = await startKafka();
  await using other = await startKafka();
  const [broker] = orders.brokers;
  const [stranger] = other.brokers;
  if (broker === undefined || stranger === undefined) throw new Error('no broker');
  await using registry = createRegistry({ adapters: [etcdAdapter] });
  const follow = (options: BrokerListOptions): BrokerList =>
    brokerList(registry.watch(`etcd://${etcd.endpoint}/${PREFIX}`), {
      probe: { timeoutMs: PATIENCE_MS / 2 },
      ...options,
    });
  /** One transaction: what is registered is exactly this. */
  const register = async (...addresses: readonly string[]): Promise<void> => {
    const puts = addresses.map((address) => `put ${PREFIX}${address} ""`);
    const keys = (await etcd.etcdctl(['get', '--prefix', PREFIX, '--keys-only']))
      .split('\n')
      .filter((key) => key !== '');
    const gone = keys.filter((key) => !addresses.includes(key.slice(PREFIX.length)));
    await etcd.etcdctl(['txn'], { input: `\n${[...puts, ...gone.map((key) => `del ${key}`)].join('\n')}\n\n\n` });
  };
  const old = broker.endpoint;
  await register(old);
  await using brokers = follow({});
  const comes = <T>(what: string, event: Promise<T>): Promise<T> =>
    within(PATIENCE_MS, what, event, () => JSON.stringify({ ...brokers.explain(), status: brokers.status.state }));

  await comes('the first list', listed(brokers, [old]));
  expect(brokers.gate.clusterId).toBe(orders.clusterId);

  // The registry is written by mistake with the brokers of another cluster.
  const refused = comes('a refusal', reached(brokers, 'stale'));
  await register(stranger.endpoint);
  await refused;
  expect([brokers.current, brokers.status]).toMatchObject([[old], { code: 'OTHER_CLUSTER' }]);
  expect(await decided(brokers)).toEqual({ [stranger.endpoint]: 'other-cluster' });

  // The broker moves, and the other cluster gets its old address.
  await broker.move();
  await stranger.move(Number(old.split(':')[1]));
  await register(old, broker.endpoint);
  await comes('the new address', listed(brokers, [broker.endpoint]));
  expect(await decided(brokers)).toEqual({ [old]: 'other-cluster', [broker.endpoint]: 'listed' });

  // By a name that is allowed, a broker is found that sends clients on to an address that is not.
  const alias = `localhost:${broker.port}`;
  await register(alias);
  await using strict = follow({ allow: ['localhost'] });
  expect(await comes('a decision', decided(strict))).toEqual({ [alias]: 'disallowed' });
  await using lenient = follow({ allow: ['localhost', '127.0.0.0/8'], clusterId: orders.clusterId });
  await comes('the alias', listed(lenient, [alias]));
}, 240_000);
