import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { createRegistry } from '../../src/index.js';
import { checkKnownOptions } from '../../src/model/knownOptions.js';
import { put, ScriptedSource, scriptedAdapter } from '../scriptedSource.js';

test('what is printed says what is there', async () => {
  const source = new ScriptedSource();
  await using registry = createRegistry({ adapters: [scriptedAdapter(() => source)] });
  const watcher = registry.watch('scripted:c/');
  const attempt = await source.next();
  attempt.play({
    type: 'snapshot',
    revision: '2',
    entries: [
      ['1', { value: Buffer.from('one') }],
      ['2', { value: Uint8Array.of(0xff) }],
    ],
  });
  const state = await watcher.ready();
  expect(inspect(state.entries)).toBe("KeyMap(2) { '1' => 'one', '2' => { base64: '/w==' } }");
  expect(JSON.parse(JSON.stringify(state))).toEqual({
    revision: '2',
    epoch: 1,
    entries: { '1': 'one', '2': { base64: '/w==' } },
  });
  expect(JSON.parse(JSON.stringify(watcher))).toEqual({
    prefix: '',
    version: 1,
    status: 'live',
    revision: '2',
    keys: 2,
  });
  expect(inspect(watcher)).toMatch(/^Watcher \{\s+prefix: ''/);
  const many = Array.from({ length: 500 }, (_, i) => put(`${i}`, 'x'.repeat(10), '3'));
  attempt.play({ type: 'delta', revision: '3', events: many });
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
