import { expect, test } from 'vitest';
import { Written } from './consul/written.js';
import { History } from './etcd/history.js';

/* What the sampler's judges find out. A judge that accepts everything would accept every watcher. */

const entry = (value: string, revision: string) => ({ value: Buffer.from(value), revision, createRevision: revision });

test('Consul: a value counts until a later write is known to be done', () => {
  const written = new Written();
  written.sent('k', 'a')();
  const between = performance.now();
  const done = written.sent('k', 'b');
  const sent = performance.now();
  expect(written.canHaveHeld('k', 'a', between, sent)).toBe(true);
  // It is under way: either may be there.
  expect(written.canHaveHeld('k', 'a', sent + 1_000, sent + 1_000)).toBe(true);
  expect(written.canHaveHeld('k', 'b', sent, sent)).toBe(true);
  done();
  const after = performance.now() + 1;
  expect(written.canHaveHeld('k', 'a', after, after)).toBe(false);
  expect(written.canHaveHeld('k', 'a', between, after)).toBe(true);
  expect(written.canHaveHeld('k', 'b', after, after)).toBe(true);
});

test('Consul: nobody can have had what was never written, or was written later', () => {
  const written = new Written();
  const before = performance.now() - 1;
  written.sent('k', 'a')();
  expect(written.canHaveHeld('k', 'another', 0, performance.now())).toBe(false);
  expect(written.canHaveHeld('k', 'a', 0, before)).toBe(false);
});

test('Consul: at a checkpoint the store says what it holds, whatever became of writes without an answer', () => {
  const written = new Written();
  written.sent('k', 'a');
  written.sent('gone', 'a')();
  written.settle(new Map([['k', 'a']]));
  const after = performance.now() + 1;
  expect(written.canHaveHeld('k', 'a', after, after)).toBe(true);
  expect(written.canHaveHeld('gone', 'a', after, after)).toBe(false);
  expect(written.canHaveHeld('gone', undefined, after, after)).toBe(true);
});

test('etcd: what a scope lacks between its revision and the store’s is found, and only that', () => {
  const history = new History(new Map(), 1n);
  history.append({ revision: 2n, events: [{ key: 'a/k', entry: entry('x', '2') }] });
  history.append({ revision: 3n, events: [{ key: 'b/k', entry: entry('x', '3') }] });
  history.append({ revision: 4n, events: [{ key: 'a/k', entry: undefined }] });
  const scope = { prefix: 'a/', exact: false };
  expect(history.between(scope, 2n, 3n)).toEqual([]);
  expect(history.between(scope, 2n, 4n).map(({ revision }) => revision)).toEqual([4n]);
  expect([...history.stateAt(scope, 3n).keys()]).toEqual(['k']);
  expect([...history.stateAt(scope, 4n).keys()]).toEqual([]);
});
