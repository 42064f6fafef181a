import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createConsulAdapter } from '@rollcall/consul';
import { createRegistry, systemTiming } from '@rollcall/core';
import type { Update } from '@rollcall/core/adapter';
import { silentLogger } from '@rollcall/core/internal';
import { describe, expect, test } from 'vitest';
import { Watching, type WatchingOptions } from './consul-watching.js';
import { type Answer, page, ScriptedConsul } from './scripted-consul.js';

/** The index is above each ModifyIndex, as it is after a delete. */
const BEFORE = { index: 20, keys: { a: ['1', 11], b: ['2', 12], c: ['3', 13] } } as const;
const AFTER = { index: 30, keys: { a: ['1', 11], b: ['changed', 29] } } as const;

/** How long a broken server is watched for requests, and how many may come. */
const WINDOW_MS = 5_000;
/** Reads by their backoff, and a dial every 0.5 to 1 s while nothing that makes sense is answered. */
const MOST_REQUESTS = 18;

async function start(
  options?: WatchingOptions,
): Promise<{ server: ScriptedConsul; watching: Watching } & AsyncDisposable> {
  const server = await ScriptedConsul.start('p/', BEFORE);
  const watching = await Watching.started(server.url, options);
  const dispose = async (): Promise<void> => {
    await watching[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  };
  await blocked(server);
  return { server, watching, [Symbol.asyncDispose]: dispose };
}

/** Waits until the server holds a blocking query. */
async function blocked(server: ScriptedConsul): Promise<void> {
  await expect.poll(() => server.blocked, { timeout: 5_000, interval: 5 }).toBe(1);
}

const withHeaders =
  (server: ScriptedConsul, headers: Readonly<Record<string, string>>): Answer =>
  (response) =>
    server.list(response, headers);

/** What goes wrong, and the code it must be told by. */
const FAULTS: readonly [name: string, code: string, fault: (server: ScriptedConsul) => Answer][] = [
  ['S28 a page with 200', 'BAD_RESPONSE', () => page(200)],
  ['S28 a page with 404', 'BAD_RESPONSE', () => page(404)],
  ['S28 a page with 200 and an index', 'BAD_RESPONSE', () => page(200, { 'x-consul-index': '21' })],
  ['S28 a page with 404 and an index', 'BAD_RESPONSE', () => page(404, { 'x-consul-index': '21' })],
  ['S28 a page with 502', 'UNAVAILABLE', () => page(502)],
  ['S28 500', 'UNAVAILABLE', () => (response) => response.writeHead(500).end('No cluster leader')],
  ['S28 400', 'BAD_RESPONSE', () => (response) => response.writeHead(400).end()],
  ['S28 a redirect', 'BAD_RESPONSE', () => (response) => response.writeHead(302, { location: '/login' }).end()],
  ['S28 index 0', 'BAD_RESPONSE', (server) => withHeaders(server, { 'x-consul-index': '0' })],
  ['S28 an empty index', 'BAD_RESPONSE', (server) => withHeaders(server, { 'x-consul-index': '' })],
  [
    'S28 no index',
    'BAD_RESPONSE',
    () => (response) => response.writeHead(200, { 'content-type': 'application/json' }).end('[]'),
  ],
  [
    'S28 an empty answer with 200',
    'BAD_RESPONSE',
    () => (response) => response.writeHead(200, { 'x-consul-index': '21' }).end(),
  ],
  ['S27 429', 'RATE_LIMITED', () => (response) => response.writeHead(429).end()],
  [
    'S29 JSON that breaks off, of the length it says',
    'BAD_RESPONSE',
    () => (response) =>
      response.writeHead(200, { 'content-type': 'application/json', 'x-consul-index': '21' }).end('[{"Key":"p/a","Val'),
  ],
  [
    'S29 a body that is cut',
    'UNREACHABLE',
    () => (response) => {
      const headers = { 'content-type': 'application/json', 'x-consul-index': '21', 'content-length': '1000' };
      response.writeHead(200, headers);
      response.write('[{"Key":"p/a","Val', () => response.destroy());
    },
  ],
  [
    'S29 a chunked body that is cut between two items',
    'UNREACHABLE',
    () => (response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'x-consul-index': '21' });
      response.write('[{"Key":"p/a","Value":null,"ModifyIndex":11,"CreateIndex":1}', () => response.destroy());
    },
  ],
  [
    'S29 a connection that is reset before the answer',
    'UNREACHABLE',
    () => (_, request) => request.socket.resetAndDestroy(),
  ],
];

describe.concurrent('a server in place of Consul, wrong for 5 s', () => {
  test.each(FAULTS)('%s: told as %s, no key lost, no busy loop, recovered from', async (_, code, fault) => {
    await using running = await start();
    const { server, watching } = running;
    const held = watching.watcher.snapshot;
    const from = performance.now();
    server.answer(fault(server));
    await watching.stale(code);
    await sleep(WINDOW_MS);
    expect(server.since(from).length).toBeLessThanOrEqual(MOST_REQUESTS);
    // It does go on asking, and never by an index from before the error.
    expect(server.since(from).length).toBeGreaterThan(2);
    const [first, ...others] = server.since(from).map(({ index }) => index);
    expect(others).toEqual(others.map(() => undefined));
    // Only a query that was reset unheard, on a connection that was kept, is asked once more.
    if (code !== 'UNREACHABLE') expect(first).toBeUndefined();
    expect(watching.watcher.snapshot).toBe(held);
    expect(watching.batches).toHaveLength(1);

    server.set(AFTER);
    server.answer(undefined);
    await watching.live();
    await watching.until('the difference', () => watching.batches.length === 2);
    expect(watching.told).toEqual(['put b', 'delete c']);
    expect(watching.batches[1]?.cause).toBe('resync');
  });

  test('a server that is not there: the same', async () => {
    await using running = await start();
    const { server, watching } = running;
    let refused = 0;
    server.answer((_, request) => {
      refused++;
      request.socket.destroy();
    });
    await watching.stale('UNREACHABLE');
    await sleep(WINDOW_MS);
    expect(refused).toBeLessThanOrEqual(MOST_REQUESTS);
    expect(watching.model.size).toBe(3);
  });

  test('S28 wrong from the start: no state, no failure for good, then the first state', async () => {
    await using server = await ScriptedConsul.start('p/', BEFORE);
    server.answer(page(200));
    await using watching = new Watching(server.url);
    await watching.until('a failure', () => watching.code === 'BAD_RESPONSE');
    expect(watching.state).toBe('connecting');
    server.answer(undefined);
    await watching.watcher.ready();
    await watching.until('the first batch', () => watching.batches.length === 1);
    expect([...watching.model.keys()]).toEqual(['a', 'b', 'c']);
  });

  test.each([429, 503])('S27 %i with Retry-After: 2 is asked again after 2 s, not before', async (status) => {
    await using running = await start();
    const { server, watching } = running;
    server.answer((response) => response.writeHead(status, { 'retry-after': '2' }).end());
    const from = performance.now();
    await watching.stale(status === 429 ? 'RATE_LIMITED' : 'UNAVAILABLE');
    server.answer(undefined);
    await watching.live();
    const [next] = server.since(from);
    expect(next?.at).toBeGreaterThanOrEqual(from + 2_000);
    expect(watching.batches).toHaveLength(1);
  });
});

describe('the index', () => {
  test('each query blocks on the index of the answer before, not on the largest ModifyIndex', async () => {
    await using running = await start();
    const { server, watching } = running;
    server.set({ index: 21, keys: { a: ['1', 11], b: ['2', 12] } });
    await watching.until('the delete', () => watching.told.includes('delete c'));
    await blocked(server);
    // Blocking on 12, the largest ModifyIndex now, would answer at once, for ever.
    expect(server.requests.map(({ index }) => index)).toEqual([undefined, '20', '21']);
  });

  test('S45 goes backwards: read anew without an index, another epoch, each change told once, never stale', async () => {
    await using running = await start();
    const { server, watching } = running;
    server.set({ index: 7, keys: { a: ['1', 3], b: ['old', 4] } });
    await watching.until('the difference', () => watching.batches.length === 2);
    expect(watching.told).toEqual(['put b', 'delete c']);
    expect(watching.batches.map(({ snapshot }) => [snapshot.revision, snapshot.epoch])).toEqual([
      ['20', 1],
      ['7', 2],
    ]);
    await blocked(server);
    expect(server.requests.map(({ index }) => index)).toEqual([undefined, '20', undefined, '7']);
    expect(watching.statuses.map(({ state }) => state)).toEqual(['live']);
  });

  test('S45 goes backwards with the same content (reaped tombstones): no batch', async () => {
    await using running = await start();
    const { server, watching } = running;
    server.set({ index: 13, keys: BEFORE.keys });
    await expect.poll(() => server.requests.map(({ index }) => index)).toEqual([undefined, '20', undefined, '13']);
    expect(watching.watcher.snapshot?.revision).toBe('13');
    expect(watching.batches).toHaveLength(1);
  });

  test('goes backwards again and again: an error, and the pace of errors', async () => {
    await using running = await start();
    const { server, watching } = running;
    let index = 1_000;
    const from = performance.now();
    server.answer((response) =>
      withHeaders(server, { 'x-consul-index': String(index--) })(response, undefined as never, ''),
    );
    await watching.stale('BAD_RESPONSE');
    await sleep(2_000);
    expect(server.since(from).length).toBeLessThan(25);
    expect(watching.batches).toHaveLength(1);
  });

  test('S46 a delete whose tombstone was reaped during a gap is seen, though the index is what it was', async () => {
    await using running = await start();
    const { server, watching } = running;
    server.answer((_, request) => request.socket.destroy());
    await watching.stale('UNREACHABLE');
    server.set({ index: BEFORE.index, keys: { a: ['1', 11], b: ['2', 12] } });
    server.answer(undefined);
    await watching.until('the delete', () => watching.told.includes('delete c'));
    expect(watching.told).toEqual(['delete c']);
  });

  test('S45 the same index long before the wait is over is settled by a plain read, which is believed', async () => {
    await using running = await start();
    const { server, watching } = running;
    server.set({ index: 20, keys: { a: ['other', 99], b: ['2', 12], c: ['3', 13] } });
    await watching.value('a', 'other');
    expect(watching.told).toEqual(['put a']);
    expect(watching.statuses.map(({ state }) => state)).toEqual(['live']);
  });
});

describe('a list that becomes empty', () => {
  test('S47 is read again without an index, and believed', async () => {
    await using running = await start();
    const { server, watching } = running;
    server.set({ index: 21, keys: {} });
    await watching.until('the deletes', () => watching.batches.length === 2);
    expect(watching.told).toEqual(['delete a', 'delete b', 'delete c']);
    // The 404 does not end the loop: what comes later is seen.
    await blocked(server);
    expect(server.requests.map(({ index }) => index)).toEqual([undefined, '20', undefined, '21']);
    server.set({ index: 22, keys: { d: ['4', 22] } });
    await watching.value('d', '4');
  });

  test('S52 but is not believed when the plain read has the keys', async () => {
    await using running = await start();
    const { server, watching } = running;
    server.answer((response, _, index) => {
      if (index === undefined) server.list(response, { 'x-consul-index': '21' });
      else response.writeHead(404, { 'x-consul-index': '21' }).end();
      server.answer(undefined);
    });
    await expect.poll(() => server.requests.length).toBeGreaterThanOrEqual(3);
    expect(watching.batches).toHaveLength(1);
    expect(watching.model.size).toBe(3);
  });

  test('S52 and when that goes on, it is an error, with the pace of errors', async () => {
    await using running = await start();
    const { server, watching } = running;
    const from = performance.now();
    server.answer((response, _, index) => {
      if (index === undefined) server.list(response);
      else response.writeHead(404, { 'x-consul-index': '21' }).end();
    });
    await watching.stale('BAD_RESPONSE');
    await sleep(2_000);
    expect(server.since(from).length).toBeLessThan(25);
    expect(watching.batches).toHaveLength(1);
  });

  test('S52 nor when access rules hid the keys', async () => {
    await using running = await start();
    const { server, watching } = running;
    server.answer((response) =>
      response.writeHead(404, { 'x-consul-index': '21', 'x-consul-results-filtered-by-acls': 'true' }).end(),
    );
    await watching.stale('FORBIDDEN');
    expect(watching.model.size).toBe(3);
  });
});

test('S63 a server that always has something new is asked ten times a second after a burst of five', async () => {
  await using server = await ScriptedConsul.start('p/', BEFORE);
  let index = 100;
  server.answer((response) => server.list(response, { 'x-consul-index': String(index++) }));
  await using watching = await Watching.started(server.url);
  const [first] = server.requests;
  await sleep(3_000);
  const seconds = (performance.now() - (first?.at ?? 0)) / 1000;
  expect(server.requests.length).toBeLessThanOrEqual(5 + 10 * seconds);
  expect(server.requests.length).toBeGreaterThan(5 + 6 * seconds);
  expect(watching.state).toBe('live');
});

describe('a clean end', () => {
  const open = (server: ScriptedConsul) => {
    const adapter = createConsulAdapter();
    const { target } = adapter.parse(server.url);
    const source = adapter.open(adapter.parse(server.url), { logger: silentLogger, timing: systemTiming });
    return { source, target };
  };

  test('S62 close in the middle of a blocking query: it is broken off, and nothing follows', async () => {
    const running = await start();
    const { server, watching } = running;
    const from = performance.now();
    await watching.watcher.close();
    expect(performance.now() - from).toBeLessThan(200);
    await expect.poll(() => server.requests.at(-1)?.aborted, { interval: 5 }).toBe(true);
    server.set(AFTER);
    await sleep(300);
    expect(server.since(from)).toEqual([]);
    expect(watching.batches).toHaveLength(1);
    await running[Symbol.asyncDispose]();
  });

  test('S62 an abort ends a waiting next() at once, without an error', async () => {
    await using server = await ScriptedConsul.start('p/', BEFORE);
    const { source, target } = open(server);
    const abort = new AbortController();
    const updates = source.watch(target, { signal: abort.signal })[Symbol.asyncIterator]();
    await updates.next();
    const waiting = updates.next();
    await blocked(server);
    abort.abort();
    await expect(waiting).resolves.toEqual({ done: true, value: undefined });
    await expect(updates.next()).resolves.toEqual({ done: true, value: undefined });
    await source[Symbol.asyncDispose]();
  });

  test('S62 an abort ends a next() that waits', async () => {
    await using server = await ScriptedConsul.start('p/', BEFORE);
    const { source, target } = open(server);
    const abort = new AbortController();
    const updates = source.watch(target, { signal: abort.signal })[Symbol.asyncIterator]();
    await updates.next();
    const waiting = updates.next();
    await blocked(server);
    abort.abort();
    await expect(waiting).resolves.toEqual({ done: true, value: undefined });
    await source[Symbol.asyncDispose]();
  });

  test('S62 disposing of the source ends its watches and reads, and refuses new ones', async () => {
    await using server = await ScriptedConsul.start('p/', BEFORE);
    const { source, target } = open(server);
    const { signal } = new AbortController();
    const updates = source.watch(target, { signal })[Symbol.asyncIterator]();
    await updates.next();
    const waiting = updates.next();
    await blocked(server);
    server.answer(() => {});
    const reading = expect(source.read?.(target, { signal })).rejects.toMatchObject({ code: 'CLOSED' });
    await expect.poll(() => server.requests.length).toBe(3);
    await source[Symbol.asyncDispose]();
    await expect(waiting).resolves.toMatchObject({ done: true });
    await reading;
    await expect(source.read?.(target, { signal })).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(source.write?.put('a', new Uint8Array())).rejects.toMatchObject({ code: 'CLOSED' });
  });
});

test('an IPv6 endpoint', async () => {
  await using server = await ScriptedConsul.start('p/', BEFORE, '::1');
  await using watching = await Watching.started(server.url);
  expect([...watching.model.keys()]).toEqual(['a', 'b', 'c']);
});

test('updates are snapshots, and bookmarks where a wait passed without a change', async () => {
  await using server = await ScriptedConsul.start('p/', BEFORE);
  const adapter = createConsulAdapter();
  const location = adapter.parse(server.url);
  await using source = adapter.open(location, { logger: silentLogger, timing: systemTiming });
  const seen: Update[] = [];
  const abort = new AbortController();
  for await (const update of source.watch(location.target, { signal: abort.signal })) {
    seen.push(update);
    if (seen.length === 3) break;
    await expect.poll(() => server.requests.length + server.blocked, { interval: 5 }).toBeGreaterThan(0);
    setImmediate(async () => {
      await blocked(server);
      server.set(seen.length === 1 ? BEFORE : AFTER);
    });
  }
  expect(seen.map(({ type }) => type)).toEqual(['snapshot', 'bookmark', 'snapshot']);
  const [first, , second] = seen as Extract<Update, { type: 'snapshot' }>[];
  expect([first?.revision, second?.revision]).toEqual(['20', '30']);
  // The same objects for what is unchanged.
  const entries = [first, second].map((snapshot) => new Map(snapshot?.entries ?? []));
  expect(entries[1]?.get('a')).toBe(entries[0]?.get('a'));
  expect(entries[1]?.get('b')).not.toBe(entries[0]?.get('b'));
});

test('a wake with the same content is a bookmark: nobody compares what is the same', async () => {
  await using server = await ScriptedConsul.start('p/', BEFORE);
  const adapter = createConsulAdapter();
  const location = adapter.parse(server.url);
  await using source = adapter.open(location, { logger: silentLogger, timing: systemTiming });
  const abort = new AbortController();
  const updates = source.watch(location.target, { signal: abort.signal })[Symbol.asyncIterator]();
  await updates.next();
  const waiting = updates.next();
  await blocked(server);
  server.set({ ...BEFORE, index: 25 });
  await expect(waiting).resolves.toMatchObject({ done: false, value: { type: 'bookmark', revision: '25' } });
  const next = updates.next();
  await blocked(server);
  expect(server.requests.at(-1)?.index).toBe('25');
  abort.abort();
  await next;
});

test('S22 a link that is dead takes its idle connections along: the next attempt does not wait for one of them', async () => {
  await using running = await start({ waitMs: 100 });
  const { server, watching } = running;
  const old = new Set<Socket>();
  // Idle connections are left behind by reads; the watch has its own.
  server.answer((response, { socket }) => {
    old.add(socket);
    server.list(response);
  });
  await Promise.all(Array.from({ length: 5 }, () => watching.watcher.read()));
  await expect.poll(() => old.size).toBeGreaterThan(4);
  // What was open leads nowhere from now on.
  server.answer((response, { socket }) => {
    if (!old.has(socket)) server.list(response);
  });
  await watching.stale('TIMEOUT');
  const since = performance.now();
  await watching.live();
  expect(performance.now() - since).toBeLessThan(1_000);
});

test('provenAt counts the time since the server that answers has heard of its leader', async () => {
  const server = await ScriptedConsul.start('p/', BEFORE);
  // What begins a watch is read from the leader.
  server.answer((response, _request, index) => {
    const behind = { 'x-consul-knownleader': 'true', 'x-consul-lastcontact': '3000' };
    if (index === undefined) server.list(response, { 'x-consul-knownleader': 'true', 'x-consul-lastcontact': '0' });
    else setTimeout(() => server.list(response, behind), 450);
  });
  const registry = createRegistry({ adapters: [createConsulAdapter({ waitMs: 500 })] });
  const watcher = registry.watch(`${server.url}?consistency=stale&max-stale=5s`);
  await watcher.ready({ fresh: true });
  const first = Date.now();
  const age = (): number => (watcher.status.state === 'live' ? Date.now() - watcher.status.provenAt : -1);
  await expect.poll(() => Date.now() - first, { timeout: 5_000 }).toBeGreaterThan(2_000);
  // Answers keep coming, each of them of a state of 3 s before: no later time than the first read is proven.
  expect(age()).toBeGreaterThanOrEqual(2_000);
  await registry.close();
  await server[Symbol.asyncDispose]();
});

test('an answer proves no later time than its question: it may have been held up on the way', async () => {
  await using it = await start({ waitMs: 4_000 });
  const { server, watching } = it;
  const askedAt = Date.now();
  await sleep(1_500);
  server.set(AFTER);
  await watching.value('b', 'changed');
  const { status } = watching.watcher;
  if (status.state !== 'live') throw new Error(`it is ${status.state}`);
  expect(Math.abs(status.provenAt - askedAt)).toBeLessThan(1_000);
  expect(Date.now() - status.provenAt).toBeLessThan(status.maxProofAgeMs);
  await blocked(server);
  const waitMs = Number.parseInt(server.requests.at(-1)?.parameters.get('wait') ?? '', 10);
  // The rest of the 4 s, so that the next proof comes in time.
  expect(waitMs).toBeGreaterThan(1_000);
  expect(waitMs).toBeLessThan(2_700);
});

describe('S52 Consul before 1.12, which does not say that access rules hide something', () => {
  const self = (version: string): string => JSON.stringify({ Config: { Server: true, Version: version }, Stats: {} });
  const warnings = ({ log }: Watching): unknown[] =>
    log.filter((line) => JSON.stringify(line).includes('look deleted'));
  const watched = async (
    version: string,
    options: WatchingOptions,
  ): Promise<{ asked: number; warned: readonly unknown[] }> => {
    let asked = 0;
    let answered = (): void => {};
    const blocking = new Promise<void>((resolve) => {
      answered = resolve;
    });
    await using server = await ScriptedConsul.start('p/', BEFORE);
    server.answer((response, request, index) => {
      if (request.url?.startsWith('/v1/agent/self')) {
        asked++;
        response.writeHead(200, { 'content-type': 'application/json' }).end(self(version));
      } else if (index === undefined) server.list(response);
      else answered();
    });
    await using watching = await Watching.started(server.url, options);
    await blocking;
    if (options.token !== undefined) await expect.poll(() => asked).toBe(1);
    const beside = watching.registry.watch(`${server.url}more/`, options);
    await beside.ready();
    if (/^1\.1[01]\./.test(version) && options.token !== undefined) {
      await expect.poll(() => warnings(watching).length).toBeGreaterThan(0);
    }
    return { asked, warned: warnings(watching) };
  };

  test('a caller with a token is warned once, with the version', async () => {
    const { asked, warned } = await watched('1.11.4', { token: 'sekret' });
    expect(asked).toBe(1);
    expect(warned).toEqual([[expect.objectContaining({ version: '1.11' }), expect.stringContaining('Consul 1.11')]]);
  });

  test.each<[string, WatchingOptions]>([
    ['1.12.0', { token: 'sekret' }],
    ['1.11.4', {}],
  ])('no warning for %s with %o', async (version, options) => {
    expect((await watched(version, options)).warned).toEqual([]);
  });
});
