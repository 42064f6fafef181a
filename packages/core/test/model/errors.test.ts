import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { ERROR_CODES, WatchError } from '../../src/index.js';

test('docs/errors.md lists every code, with whether it is retryable, in the order of the code', async () => {
  const text = await readFile(new URL('../../../../docs/errors.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| `([A-Z_]+)` \| (yes|no) \|/gm)].map(([, code, retryable]) => [code, retryable]);
  const known = ERROR_CODES.map((code) => [code, new WatchError(code, '').retryable ? 'yes' : 'no']);
  expect(rows).toEqual(known);
});

test('a foreign error is wrapped once, with its cause', () => {
  const cause = new TypeError('x');
  const error = WatchError.from(cause);
  expect(error).toMatchObject({ code: 'INTERNAL', cause, name: 'WatchError' });
  expect(WatchError.from(error)).toBe(error);
});

test('the error of another copy of this package is one of ours', async () => {
  const other = await import(`${new URL('../../src/model/errors.ts', import.meta.url).href}?copy`);
  expect(other.WatchError).not.toBe(WatchError);
  const error = new other.WatchError('UNAVAILABLE', 'from the other copy');
  expect(error).toBeInstanceOf(WatchError);
  expect(WatchError.from(error)).toBe(error);
  expect(Object.keys(error)).not.toContain('Symbol(rollcall.WatchError)');
  expect(new Error('plain')).not.toBeInstanceOf(WatchError);
});

test('anything can be thrown, also what has no text', () => {
  expect(WatchError.from(Object.create(null))).toMatchObject({ code: 'INTERNAL' });
  expect(WatchError.from(undefined)).toMatchObject({ code: 'INTERNAL' });
});
