import { Duplex } from 'node:stream';
import { systemTiming } from '@rollcall/core';
import { describe, expect, test } from 'vitest';
import type { WatchAnswer, WatchEvent } from '../../src/rpc/messages.js';
import type { WatchRequest } from '../../src/rpc/requests.js';
import type { WatchCall } from '../../src/rpc/transport.js';
import { type StreamOptions, WatchStream } from '../../src/watch/stream.js';
import { keyValueOf } from '../rpc/encoded.js';

/** The server's end of a watch stream, to put its answers in any order. */
class Script {
  readonly requests: WatchRequest[] = [];
  cancelled = false;
  readonly #call: Duplex;

  constructor() {
    this.#call = new Duplex({
      objectMode: true,
      read: () => {},
      write: (request, _, done) => {
        this.requests.push(request);
        done();
      },
    });
  }

  get call(): WatchCall {
    const cancel = (): void => {
      this.cancelled = true;
    };
    return Object.assign(this.#call, { cancel }) as unknown as WatchCall;
  }

  answer(fields: Partial<WatchAnswer>, revision = '0'): void {
    this.#call.push({
      header: { clusterId: '1', revision },
      watchId: '-1',
      created: false,
      canceled: false,
      compactRevision: '0',
      cancelReason: '',
      events: [],
      bytes: 0,
      ...fields,
    } satisfies WatchAnswer);
  }

  /** The ids that were asked for, in order. */
  get ids(): string[] {
    return this.requests.flatMap((request) => (request.type === 'create' ? [request.watchId] : []));
  }

  /** Confirms the nth creation by the id that was asked for. */
  confirm(nth: number, revision: string): void {
    this.created(this.ids[nth] ?? '', revision);
  }

  created(watchId: string, revision: string): void {
    this.answer({ watchId, created: true }, revision);
  }
}

const TARGET = { prefix: 'a/' };
const NEVER = new AbortController().signal;

function streamOn(script: Script, options: Partial<StreamOptions> = {}): WatchStream {
  return new WatchStream(script.call, {
    endpoint: 'h:1',
    timing: systemTiming,
    proofEveryMs: 10_000,
    trustsProgress: () => true,
    onHeader: () => {},
    onProvenByReads: () => {},
    ...options,
  });
}

function event(modRevision: string, value = ''): WatchEvent {
  return {
    deleted: false,
    kv: keyValueOf({ key: Buffer.from('a/1'), value: Buffer.from(value), createRevision: '1', modRevision }),
  };
}

/** A stream with one watch on it, which has asked for progress. */
async function askedStream(): Promise<{ script: Script; stream: WatchStream }> {
  const script = new Script();
  const stream = streamOn(script);
  const first = stream.create(TARGET, '5', { signal: NEVER });
  script.confirm(0, '8');
  await first;
  stream.askSoon();
  await expect.poll(() => script.requests).toContainEqual({ type: 'progress' });
  return { script, stream };
}

test.each([
  ['the next answer', '9'],
  ['one that is further than its creation', '10'],
])('progress that was asked for before a watch was created says nothing of it; %s does', async (_, next) => {
  const { script, stream } = await askedStream();
  const creating = stream.create(TARGET, '5', { signal: NEVER });
  script.confirm(1, '9');
  const { watch } = await creating;
  script.answer({}, '9');
  script.answer({ watchId: watch.id ?? '', events: [event('7')] }, '9');
  script.answer({}, next);
  await expect(watch.next()).resolves.toMatchObject({ type: 'events' });
  await expect(watch.next()).resolves.toMatchObject({ type: 'bookmark', revision: next });
  watch.close();
});

test('S81 progress is as old as the request that it may answer', async () => {
  const before = systemTiming.now();
  const { script, stream } = await askedStream();
  const asked = systemTiming.now();
  const creating = stream.create(TARGET, '5', { signal: NEVER });
  script.confirm(1, '9');
  const { watch } = await creating;
  script.answer({}, '10');
  const told = await watch.next();
  expect(told).toMatchObject({ type: 'bookmark', revision: '10' });
  const asOf = told.type === 'bookmark' ? told.asOf : Number.NaN;
  expect(asOf).toBeGreaterThan(before);
  expect(asOf).toBeLessThanOrEqual(asked);
  watch.close();
});

test('where progress is not trusted it is a sign of life alone', async () => {
  const script = new Script();
  const stream = streamOn(script, { trustsProgress: () => false });
  const creating = stream.create(TARGET, '5', { signal: NEVER });
  const next = creating.then(({ watch }) => watch.next());
  // The confirmation was a sign of life, too, and one a second is enough.
  script.confirm(0, '9');
  const { watch } = await creating;
  script.answer({}, '10');
  script.answer({ watchId: watch.id ?? '', events: [event('11')] }, '11');
  await expect(next).resolves.toMatchObject({ type: 'events' });
  watch.close();
});

describe('S70 ids', () => {
  test('one creation is under way until an echo proves that the server takes our ids; then all at once', async () => {
    const script = new Script();
    const stream = streamOn(script);
    const all = [1, 2, 3, 4].map(() => stream.create(TARGET, '5', { signal: NEVER }));
    expect(script.ids).toHaveLength(1);
    expect(Number(script.ids[0])).toBeGreaterThan(2 ** 40);
    script.confirm(0, '9');
    await all[0];
    expect(script.ids).toHaveLength(4);
    // Once ours, in any order.
    for (const nth of [3, 1, 2]) script.confirm(nth, '9');
    const watches = await Promise.all(all);
    expect(watches.map(({ watch }) => watch.id)).toEqual(script.ids);
    for (const { watch } of watches) watch.close();
  });

  test('where the server numbers by itself, one after the other, each by its own number', async () => {
    const script = new Script();
    const stream = streamOn(script);
    const all = ['a/', 'b/', 'c/'].map((prefix) => stream.create({ prefix }, '5', { signal: NEVER }));
    script.created('0', '0');
    const { watch: first } = await (all[0] ?? expect.fail());
    expect(script.ids).toHaveLength(2);
    // A refusal bears no id.
    script.answer({ created: true, canceled: true, cancelReason: 'etcdserver: permission denied' });
    await expect(all[1]).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(script.ids).toHaveLength(3);
    script.created('2', '0');
    const { watch: third } = await (all[2] ?? expect.fail());
    script.answer({ watchId: '2', events: [event('7')] });
    script.answer({ watchId: '0', events: [event('8')] });
    const revisionOf = async (watch: typeof first): Promise<string> => {
      const told = await watch.next();
      return told.type === 'events' ? ([...told.answer.events][0]?.kv.modRevision ?? '') : told.type;
    };
    expect([await revisionOf(first), await revisionOf(third)]).toEqual(['8', '7']);
    third.close();
    expect(script.requests.at(-1)).toEqual({ type: 'cancel', watchId: '2' });
    first.close();
  });

  test('a refusal of a server that takes our ids is that of the oldest request without an answer', async () => {
    const script = new Script();
    const stream = streamOn(script);
    const [first, second, third] = [1, 2, 3].map(() => stream.create(TARGET, '5', { signal: NEVER }));
    script.confirm(0, '9');
    await first;
    script.answer({ created: true, canceled: true, cancelReason: 'etcdserver: permission denied' });
    script.confirm(2, '9');
    await expect(second).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(third).resolves.toMatchObject({ watch: { id: script.ids[2] } });
    expect(script.cancelled).toBe(false);
  });

  test('a message for a watch that is none of ours is no sign of life', async () => {
    const script = new Script();
    const stream = streamOn(script);
    const creating = stream.create(TARGET, '5', { signal: NEVER });
    script.confirm(0, '9');
    const { watch } = await creating;
    const next = watch.next();
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    script.answer({ watchId: '77', events: [event('10')] }, '10');
    script.answer({ watchId: watch.id ?? '', events: [event('11')] }, '11');
    await expect(next).resolves.toMatchObject({ type: 'events', answer: { header: { revision: '11' } } });
    watch.close();
  });
});

test('a watch that is closed before it is confirmed is cancelled when it is', async () => {
  const script = new Script();
  const stream = streamOn(script);
  const closed = new AbortController();
  const first = stream.create(TARGET, '5', { signal: closed.signal });
  const second = stream.create(TARGET, '5', { signal: NEVER });
  closed.abort(new Error('closed'));
  await expect(first).rejects.toThrow('closed');
  script.confirm(0, '9');
  await expect.poll(() => script.ids).toHaveLength(2);
  script.confirm(1, '9');
  const { watch } = await second;
  expect(script.requests).toContainEqual({ type: 'cancel', watchId: script.ids[0] });
  watch.close();
  expect(script.cancelled).toBe(true);
  expect(stream.ended).toBe(true);
  await expect(stream.create(TARGET, '5', { signal: NEVER })).rejects.toMatchObject({ code: 'CLOSED' });
});

test('above 8 MiB that nobody has read the stream is not read, until half is', async () => {
  const script = new Script();
  const { call } = script;
  const stream = streamOn(script);
  const creating = stream.create(TARGET, '5', { signal: NEVER });
  script.confirm(0, '9');
  const { watch } = await creating;
  const first = watch.next();
  for (let revision = 10; revision < 21; revision++) {
    script.answer({ watchId: watch.id ?? '', events: [event(String(revision))], bytes: 2 ** 20 });
  }
  await first;
  await expect.poll(() => call.isPaused()).toBe(true);
  let reads = 0;
  for (; call.isPaused(); reads++) await watch.next();
  expect(reads).toBeGreaterThanOrEqual(4);
  // What a closed watch has not read weighs nothing.
  watch.close();
  expect(call.isPaused()).toBe(false);
});

test('a watch that nobody reads yet holds up no other: above 4 MiB it is ended', async () => {
  const script = new Script();
  const { call } = script;
  const stream = streamOn(script);
  const creating = [stream.create(TARGET, '5', { signal: NEVER }), stream.create(TARGET, '5', { signal: NEVER })];
  script.confirm(0, '9');
  await creating[0];
  script.confirm(1, '9');
  const [unread, other] = await Promise.all(creating);
  for (let revision = 10; revision < 16; revision++) {
    script.answer({ watchId: unread?.watch.id ?? '', events: [event(String(revision))], bytes: 2 ** 20 });
  }
  script.answer({ watchId: other?.watch.id ?? '', events: [event('16')] });
  await expect(other?.watch.next()).resolves.toMatchObject({ type: 'events' });
  expect(unread?.watch.overflowed).toBe(true);
  expect(script.requests).toContainEqual({ type: 'cancel', watchId: unread?.watch.id });
  expect(call.isPaused()).toBe(false);
  for (const each of [unread, other]) each?.watch.close();
});

test('80,000 answers that wait are read in linear time', async () => {
  const script = new Script();
  const stream = streamOn(script);
  const creating = stream.create(TARGET, '5', { signal: NEVER });
  script.confirm(0, '9');
  const { watch } = await creating;
  const first = watch.next();
  const count = 80_000;
  for (let i = 0; i < count; i++) script.answer({ watchId: watch.id ?? '', events: [event(String(10 + i))] });
  await first;
  const began = performance.now();
  for (let i = 1; i < count; i++) await watch.next();
  // With an array that is shifted this takes 2.6 s.
  expect(performance.now() - began).toBeLessThan(1_000);
  watch.close();
});

test('a reader that waits is told of progress without being woken; one that has something to read, after it', async () => {
  const script = new Script();
  const stream = streamOn(script);
  const told: unknown[] = [];
  const creating = stream.create(TARGET, '5', { signal: NEVER, tell: (update) => told.push(update) });
  script.confirm(0, '8');
  const { watch } = await creating;
  script.answer({}, '9');
  await expect(watch.next()).resolves.toMatchObject({ type: 'bookmark', revision: '9' });
  const next = watch.next();
  script.answer({}, '10');
  expect(told).toContainEqual(expect.objectContaining({ type: 'bookmark', revision: '10' }));
  script.answer({ watchId: watch.id ?? '', events: [event('11')] }, '11');
  script.answer({}, '12');
  await expect(next).resolves.toMatchObject({ type: 'events' });
  await expect(watch.next()).resolves.toMatchObject({ type: 'bookmark', revision: '12' });
  watch.close();
});
