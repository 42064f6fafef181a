import { inspect } from 'node:util';
import { createRegistry } from '@rollcall/core';
import { createMemoryAdapter } from '@rollcall/local';
import { expect, test } from 'vitest';
import { checkKnownOptions } from '../../src/model/knownOptions.js';

test('what is printed says what is there', async () => {
  const adapter = createMemoryAdapter();
  await using registry = createRegistry({ adapters: [adapter] });
  const store = adapter.store('s');
  store.put('a/1', 'one');
  store.put('a/2', Uint8Array.of(0xff));
  const watcher = registry.watch('memory:s#a/');
  const snapshot = await watcher.ready();
  expect(inspect(snapshot.entries)).toBe("KeyMap(2) { '1' => 'one', '2' => { base64: '/w==' } }");
  expect(JSON.parse(JSON.stringify(snapshot))).toEqual({
    revision: '2',
    epoch: 1,
    entries: { '1': 'one', '2': { base64: '/w==' } },
  });
  expect(JSON.parse(JSON.stringify(watcher))).toEqual({
    prefix: 'a/',
    version: 1,
    status: 'live',
    revision: '2',
    keys: 2,
  });
  expect(inspect(watcher)).toMatch(/^Watcher \{\s+prefix: 'a\/'/);
  for (let i = 0; i < 500; i++) store.put(`a/${i}`, 'x'.repeat(10));
  await expect.poll(() => watcher.snapshot?.entries.size).toBe(500);
  expect(inspect(watcher.snapshot?.entries)).toMatch(/^KeyMap\(500, and 400 more\)/);
});

test.each([
  [{ allowed: 1 }, 'f has no option "allowed": did you mean allow?'],
  [{ ALLOW: 1 }, 'did you mean allow?'],
  [{ alow: 1 }, 'did you mean allow?'],
  [{ something: 1 }, 'it has allow, clusterId'],
  [{ allow: null }, 'the option allow is null; leave it out'],
  [null, 'the options must be an object; they are null'],
  ['x', 'must be an object'],
  [[], 'must be an object'],
])('the options %j are refused', (options, why) => {
  const check = (): void => checkKnownOptions('f', options, ['allow', 'clusterId']);
  expect(check).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  expect(check).toThrow(why);
});

test('undefined is as good as not given', () => {
  checkKnownOptions('f', undefined, []);
  checkKnownOptions('f', { allow: undefined, unknown: undefined }, ['allow']);
});
