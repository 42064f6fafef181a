import { type Status, WatchError } from '@rollcall/core';
import { expect, test } from 'vitest';
import { type BrokerUpdate, brokerList } from '../../src/index.js';
import { now, pass, settle, setUp } from '../brokerListHarness.js';

test('the list is live: normalised, and changed when keys come and go', async () => {
  const { store, register, withdraw, follow } = setUp();
  store.put('broker/172.20.20.11:8080', '');
  store.put('broker/B2.example.com.', 'null');
  const { brokers } = follow();
  expect([brokers.current, brokers.version]).toEqual([[], 0]);
  expect(await brokers.ready()).toEqual({
    brokers: ['172.20.20.11:8080', 'b2.example.com:9092'],
    change: 'first',
    version: 1,
    revision: '2',
    source: 'registry',
  });
  register('b3:9093');
  withdraw('172.20.20.11:8080');
  await pass(200);
  expect([brokers.current, brokers.version]).toEqual([['b2.example.com:9092', 'b3:9093'], 2]);
  expect(await brokers.list()).toEqual(['b2.example.com:9092', 'b3:9093']);
});

test('K06 the registry goes empty: the last good list stays, stale and told, until brokers are back', async () => {
  const { register, withdraw, follow, warnings } = setUp();
  register('b1', 'b2');
  const { brokers } = follow();
  const states: string[] = [];
  brokers.onStatus((status) => states.push(status.state === 'stale' ? status.code : status.state));
  await brokers.ready();
  withdraw('b1', 'b2');
  await pass(200);
  expect([brokers.current, brokers.version]).toEqual([['b1:9092', 'b2:9092'], 1]);
  expect(brokers.status).toMatchObject({ state: 'stale', code: 'TOO_FEW_BROKERS', since: Date.now() });
  expect(warnings).toEqual([expect.stringContaining('0 usable brokers')]);
  expect(await brokers.list()).toEqual(['b1:9092', 'b2:9092']);
  const since = Date.now();
  await pass(5000);
  expect(brokers.status).toMatchObject({ since });
  register('b3');
  await pass(200);
  expect([brokers.current, brokers.status.state]).toEqual([['b3:9092'], 'live']);
  expect(states).toEqual(['live', 'TOO_FEW_BROKERS', 'live']);
});

test('a listener is called for a refusal before the first list', async () => {
  const { register, follow } = setUp();
  register('10.0.0.1');
  const { brokers } = follow({ allow: ['10.1.0.0/16'] });
  const decisions: unknown[] = [];
  brokers.onChange(() => decisions.push(brokers.explain().decision?.change));
  await pass(200);
  expect([brokers.version, decisions]).toEqual([0, ['refuse']]);
});

test('K07 junk beside good: the good are published, each bad one is in quarantine with its reason', async () => {
  const { store, register, follow } = setUp();
  register('b1');
  store.put('broker/junk', '{"host":');
  store.put('broker/mixed', 'b2:9092,b3:99999');
  const { brokers } = follow();
  expect((await brokers.ready()).brokers).toEqual(['b1:9092', 'b2:9092']);
  expect([...brokers.quarantine.values()]).toMatchObject([
    { key: 'junk', revision: '2', reason: expect.stringContaining('not JSON') },
    { key: 'mixed', revision: '3', reason: '"b3:99999": the port "99999" is not a number from 1 to 65535' },
  ]);
  let told = 0;
  brokers.onChange(() => told++);
  store.put('broker/b1', 'not a broker');
  await pass(200);
  expect([brokers.current, brokers.version, told]).toEqual([['b1:9092', 'b2:9092'], 1, 1]);
  expect([...brokers.quarantine.keys()]).toEqual(['b1', 'junk', 'mixed']);
});

test('K08 all junk: the last good list stays', async () => {
  const { store, register, follow, warnings } = setUp();
  register('b1', 'b2');
  const { brokers } = follow();
  await brokers.ready();
  store.put('broker/b1', 'junk!');
  store.put('broker/b2', '{}');
  await pass(200);
  expect([brokers.current, brokers.version, brokers.quarantine.size]).toEqual([['b1:9092', 'b2:9092'], 1, 2]);
  expect(warnings).toHaveLength(1);
  store.delete('broker/b1');
  store.delete('broker/b2');
  store.put('broker/b3', 'junk!');
  await pass(200);
  expect([brokers.current, brokers.status]).toMatchObject([['b1:9092', 'b2:9092'], { code: 'TOO_FEW_BROKERS' }]);
});

test('K08 all junk at the start: no list, and the reasons are there', async () => {
  const { store, follow } = setUp();
  store.put('broker/b1', 'junk!');
  const { brokers } = follow();
  expect(await now(brokers.ready())).toBe('pending');
  expect([brokers.quarantine.size, brokers.status]).toMatchObject([1, { code: 'TOO_FEW_BROKERS' }]);
  await expect(brokers.ready({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
  const late = expect(brokers.ready({ timeoutMs: 100 })).rejects.toMatchObject({
    code: 'TIMEOUT',
    cause: { code: 'TOO_FEW_BROKERS' },
  });
  await pass(100);
  await late;
});

test('K09 a key flaps ten times a second: at most one change in 2 s, and others wait no longer than that', async () => {
  const { register, withdraw, follow } = setUp();
  register('b1', 'b2');
  const { brokers } = follow();
  await brokers.ready();
  const began = performance.now();
  const published: number[] = [];
  const joined = new Map<string, number>();
  brokers.onChange(() => {
    const at = performance.now() - began;
    published.push(at);
    for (const broker of brokers.current) if (!joined.has(broker)) joined.set(broker, at);
  });
  register('b3');
  for (let i = 0; i < 100; i++) {
    if (i % 2 === 0) withdraw('b2');
    else register('b2');
    await pass(100);
  }
  expect(joined.get('b3:9092')).toBe(2000);
  expect(published.length).toBeLessThanOrEqual(5);
  for (const [i, at] of published.entries()) expect(at - (published[i - 1] ?? 0)).toBeGreaterThanOrEqual(2000);
  await pass(2000);
  expect(brokers.current).toEqual(['b1:9092', 'b2:9092', 'b3:9092']);
  const { version } = brokers;
  await pass(10_000);
  expect(brokers.version).toBe(version);
});

test('K09 a broker that leaves and is back within the quiet period is no change', async () => {
  const { register, withdraw, follow } = setUp();
  register('b1', 'b2');
  const { brokers } = follow();
  await brokers.ready();
  withdraw('b2');
  await pass(199);
  register('b2');
  await pass(10_000);
  expect(brokers.version).toBe(1);
});

test('K16 an empty registry: list() waits, resolves with the first list, and can be cancelled', async () => {
  const { register, follow } = setUp();
  const { brokers } = follow();
  const waiting = brokers.list();
  expect(await now(waiting)).toBe('pending');
  register('b1');
  await pass(200);
  expect(await waiting).toEqual(['b1:9092']);

  const { brokers: other } = follow({ minBrokers: 2 });
  const cancelled = other.list();
  expect(await now(cancelled)).toBe('pending');
  const rejected = expect(cancelled).rejects.toMatchObject({ code: 'CLOSED' });
  await other.close();
  await rejected;
  await expect(other.list()).rejects.toMatchObject({ code: 'CLOSED' });
});

test('K19 `[::1]`, duplicates, mixed case and ZooKeeper: one canonical list', async () => {
  const { store, follow } = setUp();
  store.put('broker/[0:0:0:0:0:0:0:1]:9092', '');
  store.put('broker/a', 'B1:9092,b1.:9092,PLAINTEXT://b1');
  store.put('broker/b', '{"version":4,"host":null,"port":-1,"endpoints":["SSL://[::1]:9092"]}');
  store.put('broker/c', '{"version":1,"host":"B1","port":9092,"jmx_port":-1}');
  const { brokers } = follow();
  expect((await brokers.ready()).brokers).toEqual(['[::1]:9092', 'b1:9092']);
});

test('K19 kafkajs is given no IPv6 address, told once; with nothing else it waits', async () => {
  const { register, withdraw, follow, warnings } = setUp();
  register('[::1]:9092', 'b1');
  const { brokers } = follow();
  expect([await brokers.list(), await brokers.list()]).toEqual([['b1:9092'], ['b1:9092']]);
  expect(warnings).toEqual([expect.stringContaining('IPv6')]);
  withdraw('b1');
  await pass(200);
  const waiting = brokers.list();
  expect(await now(waiting)).toBe('pending');
  register('b2');
  await pass(200);
  expect(await waiting).toEqual(['b2:9092']);
});

test('K21 one of three brokers changes: one new list', async () => {
  const { register, withdraw, follow } = setUp();
  register('b1', 'b2', 'b3');
  const { brokers } = follow();
  const lists: string[] = [];
  const following = (async () => {
    for await (const update of brokers) lists.push(update.brokers.join(','));
  })();
  await settle();
  withdraw('b2');
  register('b4');
  await pass(200);
  await brokers.close();
  await following;
  expect(lists).toEqual(['b1:9092,b2:9092,b3:9092', 'b1:9092,b3:9092,b4:9092']);
});

test('another key that names the same brokers is no change', async () => {
  const { store, register, withdraw, follow } = setUp();
  register('b1', 'b2');
  const { brokers } = follow();
  await brokers.ready();
  store.put('broker/all', 'b2,b1');
  withdraw('b1', 'b2');
  await pass(200);
  expect([brokers.version, brokers.status.state]).toEqual([1, 'live']);
});

test('minBrokers: fewer are not followed', async () => {
  const { register, withdraw, follow } = setUp();
  register('b1');
  const { brokers } = follow({ minBrokers: 2 });
  expect(await now(brokers.ready())).toBe('pending');
  register('b2', 'b3');
  await pass(200);
  withdraw('b2', 'b3');
  await pass(200);
  expect(brokers.current).toEqual(['b1:9092', 'b2:9092', 'b3:9092']);
});

test('S65 a resync that loses most brokers is held until a fresh read confirms it; told deletes are not', async () => {
  const { store, register, withdraw, follow, warnings } = setUp();
  register('b1', 'b2', 'b3', 'b4');
  const { brokers, watcher } = follow();
  await brokers.ready();
  store.wipe('100');
  register('b5');
  await pass(1000);
  expect(watcher.status.state).toBe('live');
  expect([brokers.current.length, [...brokers.held].length]).toEqual([5, 4]);
  expect(warnings.join()).toContain('stay until a read confirms');
  await pass(2000);
  expect([brokers.current, brokers.held.size]).toEqual([['b5:9092'], 0]);
  register('b1', 'b2', 'b3');
  await pass(200);
  withdraw('b1', 'b2', 'b3');
  await pass(200);
  expect(brokers.current).toEqual(['b5:9092']);
});

test('the registry away at the start: the fallback serves until it is there', async () => {
  const { store, register, follow, warnings } = setUp();
  const back = store.outage();
  register('b1');
  const { brokers } = follow({ fallback: ['Old:9092', 'old:9092', '[::1]'] });
  expect(brokers.current).toEqual(['[::1]:9092', 'old:9092']);
  const updates: BrokerUpdate[] = [];
  const following = (async () => {
    for await (const update of brokers) updates.push(update);
  })();
  expect(await brokers.list()).toEqual(['old:9092']);
  expect(warnings).toContainEqual(expect.stringContaining('the fallback is used'));
  back();
  await pass(60_000);
  expect(brokers.current).toEqual(['b1:9092']);
  await brokers.close();
  await following;
  expect(updates).toMatchObject([
    { version: 1, source: 'fallback' },
    { version: 2, source: 'registry', brokers: ['b1:9092'] },
  ]);
  expect(updates[0]).not.toHaveProperty('revision');
});

test('a fallback that the registry confirms becomes its word', async () => {
  const { register, follow } = setUp();
  const { brokers } = follow({ fallback: ['b1:9092'] });
  expect(await brokers.ready()).toMatchObject({ version: 1, source: 'fallback' });
  register('b1');
  await pass(200);
  expect(await brokers.ready()).toMatchObject({ version: 2, source: 'registry', revision: '1', brokers: ['b1:9092'] });
});

test('a watcher of one exact key: its value names brokers, and when it is emptied the last good list stays', async () => {
  const { registry, store, follow } = setUp();
  store.put('broker/bootstrap:9092', 'b1:9093,b2');
  const { brokers } = follow({}, registry.watch('memory:kafka#broker/bootstrap:9092'));
  expect(await brokers.list()).toEqual(['b1:9093', 'b2:9092']);
  for (const value of ['', 'null']) {
    store.put('broker/bootstrap:9092', value);
    await pass(200);
    expect([brokers.current, brokers.version]).toEqual([['b1:9093', 'b2:9092'], 1]);
    expect([...brokers.quarantine.values()]).toMatchObject([{ reason: expect.stringContaining('write host:port') }]);
  }
});

test('folder markers name no broker, and an empty registry never empties the list', async () => {
  const { registry, store, follow } = setUp();
  store.put('broker/kafka/', 'init_dir');
  store.put('broker/kafka/172.20.20.11:8080', '');
  store.put('broker/kafka/rack-1/', '');
  store.put('broker/kafka/rack-1/172.20.20.12:8080', 'null');
  store.put('broker/kafka/leader', '');
  const { brokers } = follow({}, registry.watch('memory:kafka#broker/kafka/'));
  expect((await brokers.ready()).brokers).toEqual(['172.20.20.11:8080', '172.20.20.12:8080']);
  store.delete('broker/kafka/172.20.20.11:8080');
  store.delete('broker/kafka/rack-1/172.20.20.12:8080');
  await pass(200);
  expect(brokers.current).toEqual(['172.20.20.11:8080', '172.20.20.12:8080']);
  expect(brokers.status).toMatchObject({ state: 'stale', code: 'TOO_FEW_BROKERS' });
});

test('a change is the difference from what this reader saw last', async () => {
  const { register, withdraw, follow } = setUp();
  register('a');
  const { brokers } = follow();
  const slow = brokers.updates();
  const quick = brokers.updates();
  const changeOf = async (reader: typeof slow): Promise<string> => {
    const { value } = await reader.next();
    return `${value.change} ${value.brokers.join()}`;
  };
  expect([await changeOf(slow), await changeOf(quick)]).toEqual(['first a:9092', 'first a:9092']);
  register('b');
  withdraw('a');
  await pass(200);
  expect(await changeOf(quick)).toBe('rebootstrap b:9092');
  register('c');
  await pass(200);
  expect(await changeOf(quick)).toBe('seeds b:9092,c:9092');
  expect(await changeOf(slow)).toBe('rebootstrap b:9092,c:9092');
  expect(await changeOf(brokers.updates()), 'who saw nothing before').toBe('first b:9092,c:9092');
  const waiting = slow.next();
  await slow.return?.();
  expect((await waiting).done).toBe(true);
});

test('the registry there at the start: nobody is given the fallback', async () => {
  const { register, follow } = setUp();
  register('b1');
  const { brokers } = follow({ fallback: ['old:9092'] });
  expect(await brokers.ready()).toMatchObject({ brokers: ['b1:9092'], version: 1, source: 'registry' });
});

test('the registry reached but empty: the fallback is the list there is', async () => {
  const { follow } = setUp();
  const { brokers } = follow({ fallback: ['old:9092'] });
  expect(await brokers.ready()).toMatchObject({ brokers: ['old:9092'], source: 'fallback' });
  expect(brokers.status).toMatchObject({ code: 'TOO_FEW_BROKERS' });
});

test('an outage keeps the list, and the watch being stale is what the status tells', async () => {
  const { store, register, withdraw, follow } = setUp();
  register('b1');
  const { brokers } = follow();
  await brokers.ready();
  withdraw('b1');
  await pass(200);
  const states: Status[] = [];
  brokers.onStatus((status) => states.push(status));
  const back = store.outage();
  await settle();
  expect([brokers.current, brokers.status]).toMatchObject([['b1:9092'], { code: 'UNREACHABLE' }]);
  back();
  await pass(60_000);
  expect(brokers.status).toMatchObject({ code: 'TOO_FEW_BROKERS' });
});

test.each([undefined, ['old:9092']])('a fatal error at the start, with the fallback %j', async (fallback) => {
  const { store, follow } = setUp();
  store.outage(new WatchError('UNAUTHENTICATED', 'who are you?'));
  const { brokers } = follow(fallback === undefined ? {} : { fallback });
  const iterator = brokers.updates();
  if (fallback === undefined) {
    await expect(brokers.list()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    await expect(brokers.ready()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    await expect(iterator.next()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  } else {
    expect(await brokers.list()).toEqual(fallback);
    expect(await brokers.ready()).toMatchObject({ source: 'fallback' });
  }
  expect(brokers.status.state).toBe('failed');
});

test('S62 close is idempotent, leaves the watcher open, and nothing is delivered after it', async () => {
  const { register, follow } = setUp();
  register('b1');
  const { brokers, watcher } = follow();
  await brokers.ready();
  const iterator = brokers.updates();
  await iterator.next();
  const waiting = iterator.next();
  register('b2');
  await settle();
  await Promise.all([brokers.close(), brokers.close()]);
  expect(await waiting).toEqual({ done: true, value: undefined });
  await pass(10_000);
  expect([brokers.current, brokers.version, brokers.status.state]).toEqual([['b1:9092'], 1, 'closed']);
  expect(watcher.status.state).toBe('live');
  await expect(brokers.ready()).rejects.toMatchObject({ code: 'CLOSED' });
});

test('a watcher that is closed closes its list', async () => {
  const { follow } = setUp();
  const { brokers, watcher } = follow();
  const waiting = expect(brokers.list()).rejects.toMatchObject({ code: 'CLOSED' });
  await watcher.close();
  await waiting;
  expect(brokers.status.state).toBe('closed');
});

test.each([
  [{ minBrokers: 0 }, '"minBrokers" must be a whole number, 1 or more; it is 0'],
  [{ minBrokers: 1.5 }, '"minBrokers"'],
  [{ fallback: [] }, '"fallback" names no broker'],
  [{ fallback: ['b1', 'b2:0'] }, '"fallback[1]" is not a broker\'s address: "b2:0": the port'],
  [{ quietMs: -1 }, 'quietMs'],
  [{ listener: 'SASL SSL' }, '"listener" must be a listener\'s name or a protocol, as SASL_SSL; it is "SASL SSL"'],
  [{ limit: 0 }, '"limit" must be a whole number'],
  [{ limit: 1, minBrokers: 2 }, '"limit" is 1, less than "minBrokers", 2'],
  [{ shuffle: Number.NaN }, '"shuffle" must be a seed'],
  [{ probe: { timeoutMs: 0 } }, '"probe.timeoutMs" must be a time above 0'],
  [{ allow: ['10.0.0.0/99'] }, '"allow[0]"'],
  [{ allow: ['b1'], fallback: ['b1', 'b2'] }, '"fallback[1]" is not in "allow"; add it there'],
  [{ clusterId: '' }, '"clusterId"'],
  [{ allowed: ['10.0.0.1'] } as object, 'brokerList has no option "allowed": did you mean allow?'],
  [{ clusterID: 'x' } as object, 'did you mean clusterId?'],
  [{ probes: true } as object, 'did you mean probe?'],
  [{ somethingElse: 1 } as object, 'it has tls, sasl, allow'],
  [{ allow: null } as object, 'the option allow is null'],
  [{ probe: { timeout: 5 } } as object, 'did you mean timeoutMs?'],
  [{ fallback: 'b1:9092' } as object, '"fallback" must be a list'],
  [{ minBrokers: '2' } as object, '"minBrokers" must be a whole number, 1 or more; it is "2"'],
  [{ probe: true, sasl: { mechanism: 'plain', username: 'u', password: 'S3cret' } }, 'say by "allow" which hosts'],
  [{ clusterId: 'x', sasl: { mechanism: 'plain', username: 'u', password: 'S3cret' } }, 'say by "allow" which hosts'],
])('bad options are refused: %j', (options, message) => {
  const { registry } = setUp();
  const watcher = registry.watch('memory:kafka#broker/');
  expect(() => brokerList(watcher, options)).toThrow(message);
  expect(() => brokerList(watcher, options)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
});
