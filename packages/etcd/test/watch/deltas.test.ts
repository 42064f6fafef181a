import { expect, test } from 'vitest';
import { KeyNames } from '../../src/rpc/range.js';
import { deltasOf } from '../../src/watch/deltas.js';
import { eventsOf } from '../rpc/encoded.js';

const put = (key: string, revision: string) => event(key, revision, false);
const del = (key: string, revision: string) => event(key, revision, true);

function event(key: string, modRevision: string, deleted: boolean) {
  return { deleted, key: Buffer.from(key), value: Buffer.from(deleted ? '' : key), createRevision: '1', modRevision };
}

const ALL = new KeyNames({ prefix: '' });

function told(events: readonly ReturnType<typeof event>[], names = ALL): string[] {
  return [...deltasOf(eventsOf(events).events, names)].map(
    ({ revision, events: grouped }) => `${revision}: ${grouped.map(({ type, key }) => `${type} ${key}`).join(', ')}`,
  );
}

test('one delta for each revision, keys relative to the prefix', () => {
  const names = new KeyNames({ prefix: 'p/' });
  expect(told([put('p/a', '5'), del('p/b', '5'), put('p/a', '7'), del('p/', '8')], names)).toEqual([
    '5: put a, delete b',
    '7: put a',
    '8: delete ',
  ]);
  expect(told([], names)).toEqual([]);
});

test('S05 revisions beyond 2^53 that differ by one stay apart', () => {
  expect(told([put('a', '9007199254740992'), put('b', '9007199254740993')])).toEqual([
    '9007199254740992: put a',
    '9007199254740993: put b',
  ]);
});

test('a value that is kept keeps neither its message nor more than a block of it', () => {
  const many = Array.from({ length: 5_000 }, (_, i) => ({ ...put(`key-${i}`, '2'), value: Buffer.alloc(100, i) }));
  const { message, events } = eventsOf(many);
  const [delta] = [...deltasOf(events, ALL)];
  message.fill(0);
  for (const [i, told] of (delta?.events ?? []).entries()) {
    if (told.type !== 'put') throw new Error('a put was told as a delete');
    expect(told.entry.value).toEqual(new Uint8Array(Buffer.alloc(100, i)));
    expect(told.entry.value.buffer.byteLength).toBeLessThanOrEqual(64 * 1024);
  }
  expect(delta?.events).toHaveLength(5_000);
});
