import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import type { WatchAnswer } from '../../src/rpc/messages.js';
import type { WatchCall } from '../../src/rpc/transport.js';
import { WatchStream } from '../../src/watch/stream.js';

/** The server's end of a watch stream, to put its answers in any order. */
class Script {
  readonly requests: unknown[] = [];
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

  created(watchId: string, revision: string): void {
    this.answer({ watchId, created: true }, revision);
  }
}

const TARGET = { prefix: 'a/' };
const NEVER = new AbortController().signal;

function event(modRevision: string, value = ''): WatchAnswer['events'][number] {
  return {
    deleted: false,
    kv: { key: Buffer.from('a/1'), value: Buffer.from(value), createRevision: '1', modRevision },
  };
}

/** A stream with one watch on it, which has asked for progress. */
async function askedStream(): Promise<{ script: Script; stream: WatchStream }> {
  const script = new Script();
  const stream = new WatchStream(script.call, 'h:1', () => true);
  const first = stream.create(TARGET, '5', NEVER);
  script.created('1', '8');
  await first;
  stream.askSoon();
  await expect.poll(() => script.requests).toContainEqual({ progress_request: {} });
  return { script, stream };
}

test.each([
  ['the next answer', '9'],
  ['one that is further than its creation', '10'],
])('progress that was asked for before a watch was created says nothing of it; %s does', async (_, next) => {
  const { script, stream } = await askedStream();
  const creating = stream.create(TARGET, '5', NEVER);
  script.created('2', '9');
  const { watch } = await creating;
  script.answer({}, '9');
  script.answer({ watchId: '2', events: [event('7')] }, '9');
  script.answer({}, next);
  await expect(watch.next()).resolves.toMatchObject({ type: 'events' });
  await expect(watch.next()).resolves.toEqual({ type: 'progress', revision: next });
  watch.close();
});

test('progress beyond the creation is of the watch, however many requests before it got no answer', async () => {
  const { script, stream } = await askedStream();
  const creating = stream.create(TARGET, '5', NEVER);
  script.created('2', '9');
  const { watch } = await creating;
  script.answer({}, '10');
  await expect(watch.next()).resolves.toEqual({ type: 'progress', revision: '10' });
  watch.close();
});

test('where progress is not trusted it is a sign of life alone', async () => {
  const script = new Script();
  const stream = new WatchStream(script.call, 'h:1', () => false);
  const creating = stream.create(TARGET, '5', NEVER);
  const next = creating.then(({ watch }) => watch.next());
  // The confirmation was a sign of life, too, and one a second is enough.
  script.created('1', '9');
  await creating;
  script.answer({}, '10');
  script.answer({ watchId: '1', events: [event('11')] }, '11');
  await expect(next).resolves.toMatchObject({ type: 'events' });
  stream.endIfUnused();
  (await creating).watch.close();
});

test('a refusal names no watch: it is that of the oldest request which has no answer', async () => {
  const script = new Script();
  const stream = new WatchStream(script.call, 'h:1', () => true);
  const [first, second, third] = [1, 2, 3].map(() => stream.create(TARGET, '5', NEVER));
  script.created('1', '9');
  script.answer({ created: true, canceled: true, cancelReason: 'etcdserver: permission denied' });
  script.created('3', '9');
  await expect(first).resolves.toMatchObject({ watch: { id: '1' } });
  await expect(second).rejects.toMatchObject({ code: 'FORBIDDEN' });
  await expect(third).resolves.toMatchObject({ watch: { id: '3' } });
  expect(script.cancelled).toBe(false);
});

test('a watch that is closed before it is confirmed is cancelled when it is', async () => {
  const script = new Script();
  const stream = new WatchStream(script.call, 'h:1', () => true);
  const closed = new AbortController();
  const first = stream.create(TARGET, '5', closed.signal);
  const second = stream.create(TARGET, '5', NEVER);
  closed.abort(new Error('closed'));
  await expect(first).rejects.toThrow('closed');
  script.created('1', '9');
  script.created('2', '9');
  const { watch } = await second;
  expect(script.requests.at(-1)).toEqual({ cancel_request: { watch_id: '1' } });
  watch.close();
  expect(script.cancelled).toBe(true);
  expect(stream.ended).toBe(true);
  await expect(stream.create(TARGET, '5', NEVER)).rejects.toMatchObject({ code: 'CLOSED' });
});

test('above 8 MiB that nobody has read the stream is not read, until half is', async () => {
  const script = new Script();
  const { call } = script;
  const stream = new WatchStream(call, 'h:1', () => true);
  const creating = stream.create(TARGET, '5', NEVER);
  script.created('1', '9');
  const { watch } = await creating;
  for (let revision = 10; revision < 20; revision++) {
    script.answer({ watchId: '1', events: [event(String(revision))], bytes: 2 ** 20 });
  }
  await expect.poll(() => call.isPaused()).toBe(true);
  for (let i = 0; i < 4; i++) await watch.next();
  expect(call.isPaused()).toBe(true);
  await watch.next();
  expect(call.isPaused()).toBe(false);
  // What a closed watch has not read weighs nothing.
  watch.close();
  expect(call.isPaused()).toBe(false);
});
