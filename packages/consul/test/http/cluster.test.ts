import { WatchError } from '@rollcall/core';
import { expect, test } from 'vitest';
import { Cluster } from '../../src/http/cluster.js';
import { JumpingTiming } from '../fakeTiming.js';

test('S25 an endpoint that failed three times rests for 10 s while another is available; with none each is named', async () => {
  const timing = new JumpingTiming();
  const cluster = new Cluster(['a:1', 'b:1'], { secure: false, scope: {}, connections: 10, timing });
  const lease = async (): Promise<string> => (await cluster.lease()).connection.endpoint;
  const fail = async (): Promise<WatchError> => {
    const failing = await cluster.lease();
    return cluster.failed(failing, new WatchError('UNREACHABLE', `Consul at ${failing.connection.endpoint} is away.`));
  };
  const [first, second] = [await lease(), await fail().then(lease)];
  expect([first, second].sort()).toEqual(['a:1', 'b:1']);
  expect(await fail()).toMatchObject({
    code: 'NO_HEALTHY_ENDPOINT',
    message: expect.stringMatching(/a:1.*b:1|b:1.*a:1/),
  });
  for (let i = 0; i < 3; i++) await fail();
  // Three failures of the first, two of the second, which works now.
  expect(await lease()).toBe(second);
  cluster.succeeded(await cluster.lease());
  await fail();
  expect(await lease()).toBe(second);
  timing.pass(10_000);
  expect(await lease()).toBe(first);
  cluster.close();
});

test('one outage fails all watches of an endpoint, and counts once', async () => {
  const timing = new JumpingTiming();
  const cluster = new Cluster(['a:1', 'b:1'], { secure: false, scope: {}, connections: 10, timing });
  const watches = [await cluster.lease(), await cluster.lease(), await cluster.lease(), await cluster.lease()];
  for (const watch of watches) expect(cluster.failed(watch, new WatchError('TIMEOUT', '')).code).toBe('TIMEOUT');
  const other = await cluster.lease();
  cluster.failed(other, new WatchError('TIMEOUT', ''));
  expect((await cluster.lease()).connection).toBe(watches[0]?.connection);
  cluster.close();
});
