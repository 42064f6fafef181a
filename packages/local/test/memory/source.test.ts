import { getEventListeners } from 'node:events';
import { type Entry, systemTiming, WatchError } from '@rollcall/core';
import type { Resume, Source, Update } from '@rollcall/core/adapter';
import { silentLogger } from '@rollcall/core/internal';
import { createMemoryAdapter, type MemoryStore } from '@rollcall/local';
import { beforeEach, describe, expect, it } from 'vitest';

let store: MemoryStore;
let source: Source;

beforeEach(() => {
  const adapter = createMemoryAdapter();
  store = adapter.store('a');
  source = adapter.open(adapter.parse('memory:a'), { logger: silentLogger, timing: systemTiming });
});

function watch(prefix = '', from?: Resume, signal = new AbortController().signal): AsyncIterator<Update> {
  return source.watch({ prefix }, { signal, ...(from && { from }) })[Symbol.asyncIterator]();
}

/** The next update in short: type, revision, and `key=value` or `-key`. */
async function next(watcher: AsyncIterator<Update>): Promise<string> {
  const { done, value } = await watcher.next();
  if (done) return 'done';
  switch (value.type) {
    case 'snapshot':
      return ['snapshot', value.revision, ...[...value.entries].map(([key, entry]) => `${key}=${utf8(entry)}`)].join(
        ' ',
      );
    case 'delta': {
      const events = value.events.map((each) =>
        each.type === 'put' ? `${each.key}=${utf8(each.entry)}` : `-${each.key}@${each.revision}`,
      );
      return ['delta', value.revision, ...events].join(' ');
    }
    case 'bookmark':
      return `bookmark ${value.revision}`;
    default:
      return value.type;
  }
}

const utf8 = ({ value }: Entry): string => Buffer.from(value).toString();

/** Where a reader stands that has seen the store's present under a prefix. */
async function here(prefix = ''): Promise<Resume> {
  const { revision, entries = [] } = (await source.read?.({ prefix }, { signal: new AbortController().signal })) ?? {};
  const held = [...entries];
  const newest = held.sort(([, a], [, b]) => Number(b.revision) - Number(a.revision))[0];
  const proof = { count: held.length, ...(newest && { newest: { key: newest[0], entry: newest[1] } }) };
  return { revision: revision ?? '', proof };
}

describe('a watch of a memory store', () => {
  it('S01 begins with the whole state, even if empty', async () => {
    expect(await next(watch('p/'))).toBe('snapshot 0');
    store.put('p/a', '1');
    store.put('q/a', '1');
    store.put('p/b', '2');
    expect(await next(watch('p/'))).toBe('snapshot 3 a=1 b=2');
  });

  it('S02 yields one delta for each revision, however many keys it changed', async () => {
    const watcher = watch();
    await next(watcher);
    store.transaction([
      { type: 'put', key: 'a', value: '1' },
      { type: 'put', key: 'b', value: '2' },
    ]);
    store.delete('a');
    expect(await next(watcher)).toBe('delta 1 a=1 b=2');
    expect(await next(watcher)).toBe('delta 2 -a@2');
  });

  it('says where a key was created', async () => {
    const watcher = watch();
    await next(watcher);
    store.put('a', '1');
    store.put('a', '2');
    store.delete('a');
    store.put('a', '3');
    const created: unknown[] = [];
    for (let revision = 1; revision <= 4; revision++) {
      const { value } = await watcher.next();
      for (const event of value.events) if (event.type === 'put') created.push(event.entry.createRevision);
    }
    expect(created).toEqual(['1', '1', '4']);
  });

  it('S10 passes writes outside the prefix with one bookmark', async () => {
    const watcher = watch('p/');
    await next(watcher);
    store.put('q/a', '1');
    store.put('q/b', '1');
    expect(await next(watcher)).toBe('bookmark 2');
    store.put('q/c', '1');
    store.put('p/a', '1');
    expect(await next(watcher)).toBe('delta 4 a=1');
  });

  it('waits for the next write', async () => {
    const watcher = watch();
    await next(watcher);
    const waiting = next(watcher);
    store.put('a', '1');
    expect(await waiting).toBe('delta 1 a=1');
  });

  it('gives one exact key the name ""', async () => {
    store.put('p', '1');
    store.put('pq', '1');
    const watcher = source.watch({ prefix: 'p', exact: true }, { signal: new AbortController().signal });
    expect(await next(watcher[Symbol.asyncIterator]())).toBe('snapshot 2 =1');
  });

  it('keeps nothing for a reader that stalls: what it missed is still in the log', async () => {
    const watcher = watch();
    await next(watcher);
    for (let i = 1; i <= 3; i++) store.put('a', String(i));
    expect(await next(watcher)).toBe('delta 1 a=1');
    store.compact();
    await expect(next(watcher)).rejects.toMatchObject({ code: 'COMPACTED' });
    expect(await next(watcher)).toBe('done');
  });

  it('S62 ends on abort, before and while waiting, and leaves no listener', async () => {
    const abort = new AbortController();
    const watcher = watch('', undefined, abort.signal);
    await next(watcher);
    const waiting = next(watcher);
    abort.abort();
    expect(await waiting).toBe('done');
    store.put('a', '1');
    expect(await next(watcher)).toBe('done');
    expect(await next(watch('', undefined, abort.signal))).toBe('done');
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0);
  });
});

describe('a resumed watch', () => {
  it('continues after the revision', async () => {
    store.put('p/a', '1');
    const from = await here('p/');
    store.put('q/a', '1');
    store.put('p/a', '2');
    store.delete('p/a');
    const watcher = watch('p/', from);
    expect(await next(watcher)).toBe('delta 3 a=2');
    expect(await next(watcher)).toBe('delta 4 -a@4');
  });

  it('says at once that nothing was missed', async () => {
    store.put('p/a', '1');
    expect(await next(watch('p/', await here('p/')))).toBe('bookmark 1');
    expect(await next(watch('p/', { revision: '0' }))).toBe('delta 1 a=1');
  });

  it.each([
    ['COMPACTED', 'the history after the cursor is gone', () => store.compact()],
    ['ROLLED_BACK', 'the store is behind the cursor', () => store.rewind('1')],
    ['ROLLED_BACK', 'the store was wiped', () => store.wipe()],
  ])('is refused with %s when %s', async (code, _, change) => {
    store.put('a', '1');
    store.put('b', '1');
    const from = await here();
    store.put('c', '1');
    change();
    await expect(next(watch('', from))).rejects.toMatchObject({ code });
  });

  it('S43 is refused with OTHER_HISTORY when the store was wiped and refilled above the cursor', async () => {
    store.put('a', '1');
    store.put('b', '1');
    const from = await here();
    store.wipe();
    for (const key of ['a', 'b', 'c']) store.put(key, 'other');
    await expect(next(watch('', from))).rejects.toMatchObject({ code: 'OTHER_HISTORY' });
    expect(await next(watch('', { revision: from.revision }))).toBe('delta 3 c=other');
  });

  it('S43 is refused with OTHER_HISTORY when only the count tells', async () => {
    store.put('a', '1');
    store.put('b', '1');
    const from = await here();
    store.wipe();
    store.transaction([
      { type: 'put', key: 'x', value: '1' },
      { type: 'put', key: 'y', value: '1' },
    ]);
    store.put('b', '1');
    await expect(next(watch('', from))).rejects.toMatchObject({ code: 'OTHER_HISTORY' });
  });
});

describe('a resumed watch of a store that was set back', () => {
  it('is refused with OTHER_HISTORY when a newer key took the place of an older one', async () => {
    store.put('old', '1');
    store.put('newest', '1');
    store.put('passing', '1');
    store.delete('passing');
    const from = await here();
    store.rewind('2');
    store.transaction([
      { type: 'delete', key: 'old' },
      { type: 'put', key: 'other', value: '1' },
    ]);
    store.put('other', '1');
    await expect(next(watch('', from))).rejects.toMatchObject({ code: 'OTHER_HISTORY' });
  });
});

describe('a read', () => {
  const signal = new AbortController().signal;
  const read = async (at?: string): Promise<string[]> => {
    const answer = await source.read?.({ prefix: '' }, { signal, ...(at && { at }) });
    return [
      answer?.revision ?? '',
      ...[...(answer?.entries ?? [])].map(([key, entry]) => `${key}=${utf8(entry)}`).sort(),
    ];
  };

  it('gives the present, or the past that is kept', async () => {
    store.put('a', '1');
    store.put('a', '2');
    store.put('b', '1');
    store.delete('a');
    expect(await read()).toEqual(['4', 'b=1']);
    expect(await read('3')).toEqual(['3', 'a=2', 'b=1']);
    expect(await read('1')).toEqual(['1', 'a=1']);
    store.compact('2');
    expect(await read('2')).toEqual(['2', 'a=2']);
    await expect(read('1')).rejects.toMatchObject({ code: 'COMPACTED' });
    await expect(read('5')).rejects.toMatchObject({ code: 'ROLLED_BACK' });
  });
});

describe('writes through the source', () => {
  it('are writes of the store', async () => {
    expect(await source.write?.put('p/a', Buffer.from('1'))).toBe('1');
    expect(await source.write?.delete('p/a')).toBe(true);
    expect(await source.write?.delete('p/a')).toBe(false);
    expect(store.revision).toBe('2');
  });

  it.each([{ ttlMs: 1000 }, { lease: 'me' }, { ignoreValue: true }])('%o is UNSUPPORTED', async (options) => {
    await expect(source.write?.put('a', Buffer.from('1'), options)).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    expect(store.list().size).toBe(0);
  });
});

describe('faults on demand', () => {
  it('an interruption ends the streams there are, and no later one', async () => {
    const error = new WatchError('UNAVAILABLE', 'no leader');
    const [waits, stalls] = [watch(), watch()];
    await Promise.all([next(waits), next(stalls)]);
    const waiting = next(waits);
    store.interrupt(error);
    await expect(waiting).rejects.toBe(error);
    await expect(next(stalls)).rejects.toBe(error);
    expect(await next(watch())).toBe('snapshot 0');
  });

  it('an outage also refuses what is new, until it ends', async () => {
    const watcher = watch();
    await next(watcher);
    const restore = store.outage();
    const down = { code: 'UNREACHABLE', message: 'memory:a is down.' };
    const { signal } = new AbortController();
    await expect(next(watcher)).rejects.toMatchObject(down);
    await expect(next(watch())).rejects.toMatchObject(down);
    await expect(source.read?.({ prefix: '' }, { signal })).rejects.toMatchObject(down);
    await expect(source.write?.put('a', Buffer.from('1'))).rejects.toMatchObject(down);
    store.put('b', 'the store itself can still be changed');
    restore();
    expect(await next(watch())).toMatch(/^snapshot 1 b=/);
  });

  it('of two outages each lasts until it ends itself', async () => {
    const [first, second] = [store.outage(), store.outage()];
    second();
    await expect(next(watch())).rejects.toMatchObject({ code: 'UNREACHABLE' });
    first();
    expect(await next(watch())).toBe('snapshot 0');
  });

  it('in silence nothing arrives; then all of it', async () => {
    const watcher = watch();
    await next(watcher);
    const speak = store.silence();
    const answers: string[] = [];
    const { signal } = new AbortController();
    const pending = [
      next(watcher).then((update) => answers.push(update)),
      next(watch()).then((update) => answers.push(update)),
      source.read?.({ prefix: '' }, { signal }).then(({ revision }) => answers.push(`read ${revision}`)),
    ];
    store.put('a', '1');
    store.heartbeat();
    await new Promise(setImmediate);
    expect(answers).toEqual([]);
    speak();
    await Promise.all(pending);
    expect(answers.sort()).toEqual(['delta 1 a=1', 'read 1', 'snapshot 1 a=1']);
    expect(await next(watcher)).toBe('alive');
  });

  it('a silent read can be aborted', async () => {
    store.silence();
    const abort = new AbortController();
    const reading = source.read?.({ prefix: '' }, { signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
  });

  it('a heartbeat is life without a revision', async () => {
    const watcher = watch();
    await next(watcher);
    const waiting = next(watcher);
    store.heartbeat();
    expect(await waiting).toBe('alive');
  });

  it('S08 a replay delivers old events again', async () => {
    const watcher = watch();
    await next(watcher);
    store.put('a', '1');
    store.put('a', '2');
    await next(watcher);
    await next(watcher);
    store.replay('0');
    store.put('a', '3');
    expect(await next(watcher)).toBe('delta 1 a=1');
    expect(await next(watcher)).toBe('delta 2 a=2');
    expect(await next(watcher)).toBe('delta 3 a=3');
  });

  it('a rewind and a wipe cut the streams', async () => {
    store.put('a', '1');
    const watcher = watch();
    await next(watcher);
    store.rewind('0');
    await expect(next(watcher)).rejects.toMatchObject({ code: 'UNREACHABLE' });
    const another = watch();
    await next(another);
    store.wipe();
    await expect(next(another)).rejects.toMatchObject({ code: 'UNREACHABLE' });
  });

  it('S22 the longest silence is the store’s to say', () => {
    expect(source.maxSilenceMs).toBe(Number.POSITIVE_INFINITY);
    store.maxSilenceMs = 50;
    expect(source.maxSilenceMs).toBe(50);
  });
});
