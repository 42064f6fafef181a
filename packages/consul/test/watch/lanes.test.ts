import { describe, expect, test } from 'vitest';
import { Lanes } from '../../src/watch/lanes.js';

const { signal } = new AbortController();

/** Queries that run until they are ended, and in which order they began. */
class Queries {
  readonly began: string[] = [];
  readonly #end = new Map<string, () => void>();
  readonly #lanes: Lanes;

  constructor(lanes: Lanes) {
    this.#lanes = lanes;
  }

  async run(name: string, by = signal): Promise<void> {
    await this.#lanes.run(by, () => {
      this.began.push(name);
      return new Promise<void>((resolve) => this.#end.set(name, resolve));
    });
  }

  async end(name: string): Promise<void> {
    this.#end.get(name)?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('lanes', () => {
  test('as many run as there are lanes; the others come in their order', async () => {
    const queries = new Queries(new Lanes(2, () => {}));
    const all = ['a', 'b', 'c', 'd'].map((name) => queries.run(name));
    await queries.end('');
    expect(queries.began).toEqual(['a', 'b']);
    await queries.end('b');
    expect(queries.began).toEqual(['a', 'b', 'c']);
    await queries.end('a');
    expect(queries.began).toEqual(['a', 'b', 'c', 'd']);
    await queries.end('c');
    await queries.end('d');
    await Promise.all(all);
    void queries.run('e');
    await queries.end('');
    expect(queries.began.at(-1)).toBe('e');
  });

  test('a query that fails leaves its lane', async () => {
    const lanes = new Lanes(1, () => {});
    await expect(lanes.run(signal, () => Promise.reject(new Error('no')))).rejects.toThrowError('no');
    await expect(lanes.run(signal, async () => 'next')).resolves.toBe('next');
  });

  test('S62 an abort ends the wait for one, and takes none', async () => {
    const lanes = new Lanes(1, () => {});
    const queries = new Queries(lanes);
    const first = queries.run('first');
    const abort = new AbortController();
    const waiting = queries.run('aborted', abort.signal);
    const last = queries.run('last');
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrowError('enough');
    await expect(queries.run('late', abort.signal)).rejects.toThrowError('enough');
    await queries.end('first');
    await first;
    expect(queries.began).toEqual(['first', 'last']);
    await queries.end('last');
    await last;
  });

  test('with more watches than lanes they block for a short time, and it is told once', () => {
    let told = 0;
    const lanes = new Lanes(2, () => told++);
    const join = (): AbortController => {
      const watch = new AbortController();
      lanes.join(watch.signal);
      return watch;
    };
    join();
    join();
    expect([told, lanes.waitMs(55_000)]).toEqual([0, 55_000]);
    const third = join();
    expect([told, lanes.waitMs(55_000), lanes.waitMs(100)]).toEqual([1, 2_000, 100]);
    third.abort();
    expect(lanes.waitMs(55_000)).toBe(55_000);
    join();
    expect(told).toBe(1);
  });
});
