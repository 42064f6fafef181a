import { expect, test } from 'vitest';
import { type Status, WatchError } from '../../src/index.js';
import { WatchStatus } from '../../src/watch/watchStatus.js';
import { ManualTiming } from '../manualTiming.js';

function setUp() {
  const timing = new ManualTiming();
  const told: Status[] = [];
  return { timing, told, health: new WatchStatus(timing, (status) => told.push(status)) };
}

test('live ends when the last proof is as old as the bound, and not later where that proof was old at once', async () => {
  const { timing, told, health } = setUp();
  await timing.advance(10_000);
  expect(health.proven(7_000, 5_000)).toBe(true);
  await timing.advance(1_999);
  expect(health.status).toMatchObject({ state: 'live', maxProofAgeMs: 5_000 });
  await timing.advance(1);
  expect(health.status).toMatchObject({ state: 'stale', code: 'NOT_CURRENT' });
  expect(told.map(({ state }) => state)).toEqual(['live', 'stale']);
});

test('each proof moves the end of live; its age counts from the time that it speaks of', async () => {
  const { timing, health } = setUp();
  health.proven(0, 5_000);
  await timing.advance(4_000);
  health.proven(3_000, 5_000);
  await timing.advance(3_999);
  expect(health.state).toBe('live');
  const { provenAt } = health.status as Extract<Status, { state: 'live' }>;
  expect(timing.wallNow() - provenAt).toBe(4_999);
  await timing.advance(1);
  expect(health.state).toBe('stale');
});

test('a proof that is older than the bound makes nothing live', async () => {
  const { timing, health } = setUp();
  await timing.advance(10_000);
  expect(health.proven(4_000, 5_000)).toBe(false);
  expect(health.state).toBe('connecting');
});

test('stale since: the time of the last proof, on the wall clock', async () => {
  const { timing, health } = setUp();
  const began = timing.wallNow();
  health.proven(0, 60_000);
  await timing.advance(9_000);
  health.stale(new WatchError('SILENT', 'nothing comes'), true);
  expect(health.status).toMatchObject({ state: 'stale', since: began });
});
