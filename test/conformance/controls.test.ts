import { WatchError } from '@rollcall/core';
import type { Adapter, Source, Target, Update } from '@rollcall/core/adapter';
import { conformance } from '@rollcall/core/conformance';
import { describe, expect, it } from 'vitest';
import { memoryHarness } from './memory-harness.js';

/** The suite must fail an adapter that breaks a promise; otherwise its passing says nothing. */
describe('the conformance suite sees', () => {
  it('S01 a snapshot that lacks a key', () =>
    expectFailure(
      'S01',
      updates(async function* (update) {
        yield update.type === 'snapshot' ? { ...update, entries: [...update.entries].slice(1) } : update;
      }),
      /the state is the backend’s own/,
    ));

  it('S02 a revision that is split', () =>
    expectFailure(
      'S02',
      updates(async function* (update) {
        if (update.type === 'delta') yield { ...update, events: update.events.slice(0, 50) };
        else yield update;
      }),
      /50 !== 100/,
    ));

  it('S03 a prefix that is taken for a path', () =>
    expectFailure(
      'S03',
      targets(({ prefix, ...rest }) => ({ ...rest, prefix: prefix.replace(/\/$/, '') })),
      /deep-equal/,
    ));

  it('S55 a password in an error', () =>
    expectFailure(
      'S55',
      (adapter) => ({
        ...adapter,
        open: (_, { password, logger, ...options }) => {
          if (password !== undefined) throw new WatchError('UNAUTHENTICATED', `"${password}" is refused.`);
          return adapter.open(_, { ...options, logger });
        },
      }),
      /the password was told/,
    ));

  it('S62 a timer that is left behind', async () => {
    const timers: NodeJS.Timeout[] = [];
    const forgetful = updates(async function* (update) {
      timers.push(setTimeout(() => {}, 60_000));
      yield update;
    });
    await expectFailure('S62.handles', forgetful, /Timeout/);
    for (const timer of timers) clearTimeout(timer);
  });

  it('a skip that names no scenario', () => {
    const harness = { ...memoryHarness(), skips: { S99: 'a slip of the pen' } };
    expect(() => conformance({ describe, it }, harness)).toThrow('memory skips S99, which is no scenario');
  });
});

/** Runs one scenario on the memory backend behind a broken adapter. */
async function expectFailure(id: string, wrap: (adapter: Adapter) => Adapter, message: RegExp): Promise<void> {
  const tests = new Map<string, () => Promise<void>>();
  const collect = (name: string, run: () => Promise<void>): void => void tests.set(name.split(' ')[0] ?? '', run);
  conformance(
    { describe: (_, define) => define(), it: Object.assign(collect, { skip: collect }) },
    memoryHarness(wrap),
  );
  const run = tests.get(id);
  await expect(run?.()).rejects.toThrow(message);
}

/** The adapter, with each update changed on its way. */
function updates(change: (update: Update) => AsyncIterable<Update>): (adapter: Adapter) => Adapter {
  return watching(async function* (source, target, options) {
    for await (const update of source.watch(target, options)) yield* change(update);
  });
}

/** The adapter, watching other targets than it was told. */
function targets(change: (target: Target) => Target): (adapter: Adapter) => Adapter {
  return watching((source, target, options) => source.watch(change(target), options));
}

type Watch = (source: Source, ...watched: Parameters<Source['watch']>) => AsyncIterable<Update>;

function watching(watch: Watch): (adapter: Adapter) => Adapter {
  return (adapter) => ({
    ...adapter,
    open: (location, options) => {
      const source = adapter.open(location, options);
      return {
        supports: source.supports,
        maxSilenceMs: source.maxSilenceMs,
        watch: (...watched) => watch(source, ...watched),
        [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
      };
    },
  });
}
