import { describe, expect, test } from 'vitest';
import { JsonPieces } from '../../src/http/jsonPieces.js';

const BOUNDARY = '},{"Key":';

/** What is pushed in chunks of a size, piece by piece. */
function piecesOf(body: string | Buffer, chunkBytes: number, isList = true): unknown[] {
  const bytes = Buffer.from(body);
  const pieces = new JsonPieces(isList);
  const found: unknown[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const piece = pieces.push(bytes.subarray(at, at + chunkBytes));
    if (piece !== undefined) found.push(piece);
  }
  return [...found, pieces.end()];
}

const items = (count: number, more: object = {}) =>
  Array.from({ length: count }, (_, i) => ({ Key: `k${i}`, Value: 'x'.repeat(i % 200), ...more }));

describe('an array of objects', () => {
  test.each([16 * 1024, 64 * 1024, 65_521])(
    'comes in pieces, whole and in order, by chunks of %i bytes',
    (chunkBytes) => {
      const all = items(5_000);
      const pieces = piecesOf(JSON.stringify(all), chunkBytes);
      expect(pieces.flat()).toEqual(all);
      expect(pieces.length).toBeGreaterThan(5);
    },
  );

  test.each([items(0), items(1), items(100)])('that is small is one piece', (...all) => {
    expect(piecesOf(JSON.stringify(all), 1_000)).toEqual([all]);
  });

  test('with texts that look like its boundary, like JSON, or are cut in the middle of a character', () => {
    const names = ['},{"Key":', '\\},{\\"Key\\":', '[{"Key":"a"},{"Key":"b"}]', '"', '\\', 'ü😀', '\u2028'];
    const all = items(3_000).map((item, i) => ({
      Key: names[i % names.length],
      Value: `${item.Value}${names[i % 5]}ü`,
    }));
    for (const chunkBytes of [999, 16 * 1024 + 1, 64 * 1024]) {
      const pieces = piecesOf(JSON.stringify(all), chunkBytes);
      expect(pieces.flat()).toEqual(all);
      expect(pieces.length).toBeGreaterThan(2);
    }
  });

  test('with items that hold others like them: what cannot be cut is parsed whole', () => {
    const all = items(2_000, { Inner: items(20) });
    expect(piecesOf(JSON.stringify(all), 64 * 1024).flat()).toEqual(all);
  });

  test('with an item far larger than a piece', () => {
    const all = [...items(10), { Key: 'large', Value: 'y'.repeat(1_000_000) }, ...items(2_000)];
    const pieces = piecesOf(JSON.stringify(all), 64 * 1024);
    expect(pieces.flat()).toEqual(all);
    expect(pieces.length).toBeGreaterThan(2);
  });

  test('written with spaces and lines is parsed whole', () => {
    const all = items(3_000);
    expect(piecesOf(JSON.stringify(all, null, 2), 64 * 1024)).toEqual([all]);
  });
});

test('what is no list is one piece', () => {
  const all = { a: items(3_000) };
  expect(new JsonPieces(false).push(Buffer.from(JSON.stringify(all)))).toBeUndefined();
  expect(piecesOf(JSON.stringify(all), 64 * 1024, false)).toEqual([all]);
});

describe('what is no JSON is told at the end', () => {
  const whole = JSON.stringify(items(5_000));
  test.each([
    ['nothing', ''],
    ['a page', `<html>${'<p>'.repeat(50_000)}`],
    ['an array that breaks off', whole.slice(0, -1)],
    ['an array that breaks off between items', whole.slice(0, whole.lastIndexOf(BOUNDARY) + 1)],
    ['an array that breaks off early', whole.slice(0, 100)],
    ['something after it', `${whole}]`],
    ['something broken in the middle', whole.replace('{"Key":"k3000"', '{"Key"')],
  ])('%s', (_, body) => {
    expect(() => piecesOf(body, 64 * 1024)).toThrowError(SyntaxError);
  });
});
