import { brokerList, createRollcall, type Status } from 'rollcall';
import { afterAll, beforeAll, expect, test } from 'vitest';
import adapter from '../../examples/adapter-dns/src/index.js';
import { CoreDns } from '../support/coredns.js';

const b1 = { host: 'b1', port: 9092 };
const b2 = { host: 'b2', port: 9093 };

let dns: CoreDns;
beforeAll(async () => {
  dns = await CoreDns.start([b1]);
});
afterAll(() => dns?.[Symbol.asyncDispose]());

test('the records of a real name server become a bootstrap list that follows them', async () => {
  await using rollcall = createRollcall({ adapters: [adapter], env: {} });
  const url = `dns+srv://${dns.endpoint}/${dns.name}`;
  const watcher = rollcall.watch(url, { adapterOptions: { intervalMs: 50 } });
  const brokers = brokerList(watcher);
  const updates = brokers[Symbol.asyncIterator]();
  const next = async () => (await updates.next()).value?.brokers;
  expect(await next()).toEqual(['b1.example.test:9092']);

  await dns.serve([b1, b2]);
  expect(await next()).toEqual(['b1.example.test:9092', 'b2.example.test:9093']);

  // A name server that is down, and a name without records, leave the last list.
  const stale = statusOf(watcher, 'stale');
  await dns.serve([]);
  expect(await stale).toMatchObject({
    code: 'UNAVAILABLE',
    error: { message: expect.stringContaining('there is no such name') },
  });
  expect(brokers.current).toHaveLength(2);
  await dns.stop();
  await expect.poll(() => watcher.status).toMatchObject({ state: 'stale', error: { code: 'UNREACHABLE' } });
  expect(brokers.current).toHaveLength(2);

  const live = statusOf(watcher, 'live');
  await dns.restart();
  await dns.serve([b2]);
  await live;
  expect(await next()).toEqual(['b2.example.test:9093']);
});

test.each(['dns+srv:///', 'dns+srv://127.0.0.1:53/a/'])('%s names no record', (url) => {
  expect(() => adapter.parse(url)).toThrow(expect.objectContaining({ code: 'INVALID_URL' }));
});

function statusOf(watcher: { onStatus(listener: (status: Status) => void): () => void }, state: Status['state']) {
  return new Promise<Status>((resolve) => {
    watcher.onStatus((status) => {
      if (status.state === state) resolve(status);
    });
  });
}
