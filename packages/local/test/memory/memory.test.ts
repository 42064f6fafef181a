import { systemTiming } from '@rollcall/core';
import { silentLogger } from '@rollcall/core/internal';
import { createMemoryAdapter } from '@rollcall/local';
import { describe, expect, it } from 'vitest';

const text = (entries: Map<string, Uint8Array>): Record<string, string> =>
  Object.fromEntries([...entries].map(([key, value]) => [key, Buffer.from(value).toString()]));

describe('memory URLs', () => {
  const { parse } = createMemoryAdapter();

  it('watch everything, a prefix, or one exact key', () => {
    expect(parse('memory:orders')).toEqual({ cluster: 'memory:orders', target: { prefix: '' } });
    expect(parse('memory:orders#')).toEqual({ cluster: 'memory:orders', target: { prefix: '' } });
    expect(parse('memory:orders#broker/kafka/')).toEqual({
      cluster: 'memory:orders',
      target: { prefix: 'broker/kafka/' },
    });
    expect(parse('memory:a%20b#leader%23')).toEqual({
      cluster: 'memory:a b',
      target: { prefix: 'leader#', exact: true },
    });
  });

  it.each(['memory:', 'memory:#a/', 'memory://orders', 'memory://orders/a/'])(
    '%s is refused: it names no store',
    (url) => expect(() => parse(url)).toThrow(/names no store; write memory:name/),
  );

  it('refuses a query', () => {
    expect(() => parse('memory:orders?passing=true')).toThrow(/"passing" is not a query name here/);
  });
});

describe('a memory store', () => {
  it('belongs to its adapter, not to the process', () => {
    const one = createMemoryAdapter();
    one.store('a').put('k', 'v');
    expect(one.store('a').list().size).toBe(1);
    expect(one.store('b').list().size).toBe(0);
    expect(createMemoryAdapter().store('a').list().size).toBe(0);
  });

  it('is the one its URL watches', async () => {
    const adapter = createMemoryAdapter();
    adapter.store('a').put('p/k', 'v');
    const location = adapter.parse('memory:a#p/');
    const source = adapter.open(location, { logger: silentLogger, timing: systemTiming });
    const { revision, entries } =
      (await source.read?.(location.target, { signal: new AbortController().signal })) ?? {};
    expect(revision).toBe('1');
    expect([...(entries ?? [])].map(([key]) => key)).toEqual(['k']);
  });

  it('counts one revision for each write, and none for a delete of nothing', () => {
    const store = createMemoryAdapter().store('a');
    expect(store.revision).toBe('0');
    store.put('a', '1');
    store.put('a', '1');
    expect(store.revision).toBe('2');
    store.delete('b');
    expect(store.revision).toBe('2');
    store.transaction([
      { type: 'put', key: 'b', value: '2' },
      { type: 'delete', key: 'a' },
    ]);
    expect(store.revision).toBe('3');
    expect(text(store.list())).toEqual({ b: '2' });
  });

  it('lists by literal prefix, byte by byte', () => {
    const store = createMemoryAdapter().store('a');
    for (const key of ['a', 'ab', 'a/', 'a/b', 'é']) store.put(key, key);
    expect([...store.list('a/').keys()]).toEqual(['a/', 'a/b']);
    expect([...store.list().keys()]).toHaveLength(5);
    // The first of the two bytes of é.
    expect([...store.list('\udcc3').keys()]).toEqual(['é']);
  });

  it('keeps its own copy of a value', () => {
    const store = createMemoryAdapter().store('a');
    const value = Buffer.from('before');
    store.put('k', value);
    value.write('after!');
    expect(text(store.list())).toEqual({ k: 'before' });
  });

  it('takes escaped bytes that form UTF-8 for that UTF-8', () => {
    const store = createMemoryAdapter().store('a');
    store.put('\udcc3\udca9', '1');
    store.put('é', '2');
    expect(text(store.list())).toEqual({ é: '2' });
  });

  it('S05 starts at any revision', () => {
    const store = createMemoryAdapter().store('a');
    store.wipe('9007199254740993');
    store.put('k', 'v');
    expect(store.revision).toBe('9007199254740994');
  });

  it('goes back to an earlier revision', () => {
    const store = createMemoryAdapter().store('a');
    store.put('a', '1');
    store.put('b', '1');
    store.transaction([
      { type: 'put', key: 'a', value: '2' },
      { type: 'delete', key: 'b' },
      { type: 'put', key: 'a', value: '3' },
    ]);
    store.delete('a');
    store.rewind('2');
    expect(store.revision).toBe('2');
    expect(text(store.list())).toEqual({ a: '1', b: '1' });
    store.put('c', '1');
    expect(store.revision).toBe('3');
  });

  it('says which revisions it still knows', () => {
    const store = createMemoryAdapter().store('a');
    for (const key of ['a', 'b', 'c']) store.put(key, '1');
    store.compact('2');
    expect(() => store.rewind('1')).toThrow('revision 1 is not in the history of memory:a (2 to 3)');
    expect(() => store.compact('4')).toThrow('revision 4 is not in the history of memory:a (2 to 3)');
    expect(() => store.wipe('0x7')).toThrow('revision: "0x7" is not a decimal number');
  });
});
