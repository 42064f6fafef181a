import { expect, test } from 'vitest';
import type { WatchEvent } from '../../src/rpc/messages.js';
import { KeyNames } from '../../src/rpc/range.js';
import { deltasOf } from '../../src/watch/deltas.js';

const put = (key: string, revision: string): WatchEvent => event(key, revision, false);
const del = (key: string, revision: string): WatchEvent => event(key, revision, true);

function event(key: string, revision: string, deleted: boolean): WatchEvent {
  const value = Buffer.from(deleted ? '' : key);
  return { deleted, kv: { key: Buffer.from(key), value, createRevision: '1', modRevision: revision } };
}

const ALL = new KeyNames({ prefix: '' });

function told(events: WatchEvent[], names = ALL): string[] {
  return deltasOf(events, names).map(
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

test('a value is a copy: it does not hold the message it came in', () => {
  const message = Buffer.from('....value....');
  const kv = { key: Buffer.from('a'), value: message.subarray(4, 9), createRevision: '1', modRevision: '2' };
  const [delta] = deltasOf([{ deleted: false, kv }], ALL);
  message.fill(0);
  const [only] = delta?.events ?? [];
  expect(only?.type === 'put' && Buffer.from(only.entry.value).toString()).toBe('value');
  expect(only?.type === 'put' && only.entry.value.buffer.byteLength).toBe(5);
});
