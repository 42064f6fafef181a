import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { textOf, Watching } from './consul-watching.js';
import { type Answer, parametersOf, ScriptedConsul } from './scripted-consul.js';

const BEFORE = { index: 20, keys: { a: ['1', 11], b: ['2', 12] } } as const;
const AFTER = { index: 30, keys: { a: ['1', 11], b: ['new', 29] } } as const;

/** What a server says of itself that heard of its leader some time ago. */
const contact = (ms: number, leader = true) => ({
  'x-consul-knownleader': String(leader),
  'x-consul-lastcontact': String(ms),
});

describe('stale, where a server is behind', () => {
  let server: ScriptedConsul;
  beforeEach(async () => {
    server = await ScriptedConsul.start('p/', BEFORE);
  });
  afterEach(() => server[Symbol.asyncDispose]());

  /** Stale queries are answered so; those of the leader truly. */
  const answerStale = (answer: Answer): void =>
    server.answer((response, request, index) => {
      if (parametersOf(request).has('stale')) answer(response, request, index);
      else server.list(response);
    });
  const started = (query = '', waitMs = 30_000) =>
    Watching.started(`${server.url}?consistency=stale${query}`, { waitMs });
  /** `leader` or `stale` for each query, and `+ index` where it blocks. */
  const asked = (): string[] =>
    server.requests.map(({ parameters, index }) => {
      const who = parameters.has('stale') ? 'stale' : 'leader';
      return index === undefined ? who : `${who} + ${index}`;
    });
  const waits = () => server.requests.flatMap(({ parameters }) => parameters.get('wait') ?? []);

  test('a watch begins with the leader, then blocks on any server', async () => {
    await using watching = await started();
    await expect.poll(() => server.blocked).toBe(1);
    expect(asked()).toEqual(['leader', 'stale + 20']);
    expect(watching.state).toBe('live');
  });

  test.each([
    ['older than 5 s', contact(5_001)],
    ['without a leader', contact(0, false)],
    ['of an unknown age', {}],
  ])('an answer %s is not believed: the leader is read', async (_, headers) => {
    await using watching = await started();
    server.set(AFTER);
    answerStale((response) =>
      response
        .writeHead(200, { 'content-type': 'application/json', 'x-consul-index': '25', ...headers })
        .end('[{"Key":"p/a","Value":null,"CreateIndex":1,"ModifyIndex":24}]'),
    );
    await watching.value('b', 'new');
    expect(watching.told).toEqual(['put b']);
    expect(asked().slice(0, 3)).toEqual(['leader', 'stale + 20', 'leader']);
    expect(watching.statuses.map(({ state }) => state)).toEqual(['live']);
  });

  test('an answer within the bound of "max-stale" is believed, at one above it the leader is read', async () => {
    await using watching = await started('&max-stale=90s');
    answerStale((response) => {
      server.answer(undefined);
      server.list(response, { 'x-consul-index': '25', ...contact(89_000) });
    });
    await expect.poll(() => watching.watcher.snapshot?.revision).toBe('25');
    expect(asked().filter((each) => each === 'leader')).toHaveLength(1);
    answerStale((response) => server.list(response, { 'x-consul-index': '26', ...contact(91_000) }));
    await expect.poll(() => asked().filter((each) => each === 'leader').length).toBeGreaterThan(1);
  });

  test('a lower index is confirmed by one read of the leader, which is believed: no epoch for a server that lags', async () => {
    await using watching = await started();
    answerStale((response) => server.list(response, { 'x-consul-index': '15', ...contact(10) }));
    await expect.poll(() => asked().length).toBeGreaterThan(4);
    expect(asked().slice(0, 5)).toEqual(['leader', 'stale + 20', 'leader', 'stale + 20', 'leader']);
    expect(watching.watcher.snapshot).toMatchObject({ revision: '20', epoch: 1 });
    expect(watching.statuses.map(({ state }) => state)).toEqual(['live']);
  });

  test('S45 the leader’s lower index is another history', async () => {
    await using watching = await started();
    server.set({ index: 7, keys: { a: ['1', 3] } });
    answerStale((response) => server.list(response, contact(10)));
    await watching.until('the other history', () => watching.batches.length === 2);
    expect(watching.told).toEqual(['delete b']);
    expect(watching.batches[1]?.snapshot).toMatchObject({ revision: '7', epoch: 2 });
  });

  test('a read of a server that is too far behind is made from the leader', async () => {
    await using watching = await started();
    server.set(AFTER);
    answerStale((response) => response.writeHead(404, { 'x-consul-index': '5', ...contact(9_000) }).end());
    const { revision, entries } = await watching.watcher.read();
    expect([revision, textOf(entries.get('b'))]).toEqual(['30', 'new']);
  });

  test('who was behind is asked at short intervals until he is seen not to be', async () => {
    await using _watching = await started('&max-stale=2s', 20_000);
    await expect.poll(() => server.blocked).toBe(1);
    expect(waits()).toEqual(['2000ms']);
    server.answer((response, _, index) => {
      server.answer(undefined);
      server.set({ ...BEFORE, index: 21 });
      if (index !== undefined) server.list(response, contact(10));
    });
    await expect.poll(waits).toHaveLength(2);
    expect(Number.parseInt(waits()[1] ?? '', 10)).toBeGreaterThan(19_000);
    answerStale((response) => server.list(response, { 'x-consul-index': '30', ...contact(3_000) }));
    await expect.poll(() => waits().length).toBeGreaterThan(2);
    expect(waits().at(-1)).toBe('2000ms');
  });
});

describe('an agent that answers from what it holds itself, with an index above that of the servers', () => {
  test.each(['default', 'consistent'])(
    'consistency=%s: the servers are read, once for each answer',
    async (consistency) => {
      await using server = await ScriptedConsul.start('p/', BEFORE);
      const waitMs = 100;
      await using watching = await Watching.started(`${server.url}?consistency=${consistency}`, { waitMs });
      const own = { 'x-consul-index': '25', 'x-consul-query-backend': 'streaming' };
      const asked = () => server.requests.map(({ index }) => index);
      let answers = 0;
      let change = (): void => {};
      server.answer((response, _, index) => {
        if (index === undefined) server.list(response);
        else if (++answers < 3) setTimeout(() => server.list(response, own), waitMs);
        else change = () => server.list(response);
      });
      await expect.poll(() => answers).toBe(3);
      const [first, second, ...others] = asked();
      expect([first, second]).toEqual([undefined, '20']);
      // An answer of the agent proves nothing: what follows is a plain read, and then its own index is blocked on.
      expect(others).toEqual([undefined, '25', undefined, '25']);
      expect(watching.watcher.snapshot).toMatchObject({ revision: '25', epoch: 1 });
      expect(watching.batches).toHaveLength(1);
      server.answer(undefined);
      server.set(AFTER);
      change();
      await watching.value('b', 'new');
      expect(watching.watcher.snapshot).toMatchObject({ revision: '30', epoch: 1 });
    },
  );

  test('with nothing new, again and again in the middle of a wait: the servers are not read each time', async () => {
    await using server = await ScriptedConsul.start('p/', BEFORE);
    await using watching = await Watching.started(server.url);
    server.answer((response) => server.list(response, { 'x-consul-query-backend': 'streaming' }));
    await expect.poll(() => server.requests.length).toBeGreaterThan(6);
    expect(server.requests.filter(({ index }) => index === undefined)).toHaveLength(1);
    expect(watching.state).toBe('live');
  });
});
