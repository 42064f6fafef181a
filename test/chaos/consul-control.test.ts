import { createConsulAdapter } from '@rollcall/consul';
import { createRegistry, type Entry, systemTiming, type Watcher } from '@rollcall/core';
import { expect, test } from 'vitest';
import { Token } from '../faults/consul-acl.js';
import { page } from '../faults/scripted-consul.js';
import { type Consul, startConsul } from '../support/consul.js';
import { Bell } from './bell.js';
import { answerOf } from './consul/answers.js';
import { Balancer } from './consul/balancer.js';
import { ConsulWatcher } from './consul/consulWatcher.js';
import { differences, type KeyDifference } from './difference.js';

/*
 * The negative control of the chaos run: three of its faults one by one, which the `Watch` of the package `consul` does not
 * survive. A checker that finds nothing wrong with it would find nothing wrong with anybody. Rollcall's watcher goes through
 * the very same beside it.
 */

const PREFIX = 'svc/';
const LAST = 'last';
const RULES = 'key_prefix "" { policy = "read" }';
/** How long the last write may take to be told, ms. */
const TOLD_MS = 20_000;
const WAIT_MS = 1_000;

interface Scene {
  readonly consul: Consul;
  /** Rollcall's way to Consul, and the other's. */
  readonly balancers: readonly Balancer[];
  readonly rollcall: Watcher;
  readonly watch: ConsulWatcher;
  /** How often `watch` has asked Consul. */
  asked(): number;
  /** The token of both. */
  readonly token: Token;
  put(key: string, value: string): Promise<unknown>;
  /** Looks again whenever either is told something. */
  until(holds: () => boolean): Promise<void>;
}

/** Both watch a store with three keys; `break` it, then both are told of a last write, or of their end. */
async function afterFaults(breakIt: (scene: Scene) => Promise<void>) {
  await using consul = await startConsul({ acl: true });
  await using balancer = await Balancer.start(consul.port);
  const bell = new Bell();
  let asked = 0;
  await using balancerOfWatch = await Balancer.start(consul.port, () => {
    asked++;
    bell.ring();
  });
  const put = (key: string, body: string) => consul.http(`/v1/kv/${PREFIX}${key}`, { method: 'PUT', body });
  for (const key of ['a', 'b', 'c']) await put(key, 'before');
  const token = await Token.create(consul, RULES);

  await using registry = createRegistry({
    adapters: [createConsulAdapter({ waitMs: WAIT_MS })],
    timing: { ...systemTiming, random: () => 0.1 },
  });
  const rollcall = registry.watch(`consul://127.0.0.1:${balancer.port}/${PREFIX}`, { token: token.secret });
  await rollcall.ready();
  rollcall.onStatus(() => bell.ring());
  let lost = 0;
  void (async () => {
    for await (const { changes } of rollcall) {
      lost += changes.filter(({ type }) => type === 'delete').length;
      bell.ring();
    }
  })();
  using watch = new ConsulWatcher(`127.0.0.1:${balancerOfWatch.port}`, PREFIX, {
    waitMs: WAIT_MS,
    token: token.secret,
    bell,
  });
  await watch.ready();
  const until = async (holds: () => boolean): Promise<void> => {
    expect(await bell.until(holds, TOLD_MS)).toBe(true);
  };

  await breakIt({
    consul,
    balancers: [balancer, balancerOfWatch],
    rollcall,
    watch,
    asked: () => asked,
    token,
    put,
    until,
  });
  await put(LAST, 'after');
  const rollcallState = (): ReadonlyMap<string, Entry> => new Map(rollcall.snapshot?.entries ?? []);
  await until(() => rollcallState().has(LAST));
  await until(() => watch.ended || watch.state.has(LAST));
  const server = await answerOf(consul, { kind: 'kv', prefix: PREFIX, exact: false });
  const against = (state: ReadonlyMap<string, Entry>): string[] =>
    differences(server, state).map(({ key, got }: KeyDifference) => `${key}: ${got}`);
  return {
    /** Where each differs from the server in the end, and how many keys it said to be gone. */
    rollcall: { wrong: against(rollcallState()), lost },
    watch: { wrong: against(watch.state), lost: watch.lost, ended: watch.ended, error: watch.error?.message },
  };
}

/** One answer of a load balancer in Consul's place: until both have got it. */
async function interject({ balancers, rollcall, watch, until }: Scene, answer: Parameters<Balancer['interject']>[0]) {
  for (const balancer of balancers) balancer.interject(answer);
  await until(() => rollcall.status.state === 'stale' && watch.error !== undefined);
  for (const balancer of balancers) balancer.interject(undefined);
}

const RIGHT = { wrong: [], lost: 0 };
const ENDED = { wrong: [`${LAST}: no such key`], lost: 0, ended: true };

test('a load balancer’s page: Watch ends for good', async () => {
  const { rollcall, watch } = await afterFaults((scene) => interject(scene, page(200)));
  expect(rollcall).toEqual(RIGHT);
  expect(watch).toEqual({ ...ENDED, error: 'Watch not supported' });
});

test('one 400: Watch ends for good', async () => {
  const { rollcall, watch } = await afterFaults((scene) =>
    interject(scene, (response) => response.writeHead(400).end()),
  );
  expect(rollcall).toEqual(RIGHT);
  expect(watch).toEqual({ ...ENDED, error: expect.stringContaining('bad request') });
});

test('a right that is lost for a while: Watch says that all is gone', async () => {
  const { rollcall, watch } = await afterFaults(async ({ token, put, rollcall, watch, asked, until }) => {
    await token.setRules('');
    // Who waits keeps the rights that he came with, and only a change wakes him.
    const before = asked();
    await until(() => asked() > before);
    await put('a', 'changed');
    await until(() => rollcall.status.state === 'stale' && watch.state.size === 0);
    await token.setRules(RULES);
    await until(() => rollcall.status.state === 'live');
  });
  expect(rollcall).toEqual(RIGHT);
  expect(watch).toMatchObject({ wrong: [], lost: 3 });
});
