import { expect, test } from 'vitest';
import { z } from 'zod';
import { decodeValue } from '../../src/collection/decode.js';
import { printable } from '../../src/model/printable.js';

const json = (text: string | Uint8Array, schema: z.ZodType = z.unknown()) =>
  decodeValue({ schema }, Buffer.from(text), 'key');

test('JSON is parsed before the schema sees it; text and bytes are not', () => {
  const bytes = Buffer.from('"a"');
  expect(json('{"a":[1]}')).toEqual({ item: { a: [1] } });
  expect(decodeValue({ schema: z.string(), format: 'text' }, bytes, 'key')).toEqual({ item: '"a"' });
  expect(decodeValue({ schema: z.instanceof(Uint8Array), format: 'bytes' }, bytes, 'key')).toEqual({ item: bytes });
});

test.each([
  ['', 'not JSON: Unexpected end of JSON input'],
  ['hunter2', "not JSON: Unexpected token 'h'"],
  ['{"password":"hunter2"', 'not JSON: '],
])('what is not JSON says why, and never what it was: %j', (text, reason) => {
  const outcome = json(text);
  expect(outcome).toEqual({ reason: expect.stringContaining(reason) });
  expect(JSON.stringify(outcome)).not.toContain('hunter2');
});

test('bytes that are not UTF-8 are no text and no JSON', () => {
  expect(json(Uint8Array.of(0x22, 0xff, 0x22))).toEqual({ reason: 'not UTF-8 text' });
});

test('S57 a __proto__ key is refused at any depth, however it is written, and pollutes nothing', () => {
  for (const text of ['{"__proto__":{"admin":true}}', '[{"a":{"\\u005f_proto__":{"admin":true}}}]']) {
    expect(json(text)).toEqual({ reason: 'it has a "__proto__" key' });
  }
  expect(json('{"a":"__proto__","b":"\\u0041"}')).toEqual({ item: { a: '__proto__', b: 'A' } });
  expect(Object.hasOwn(Object.prototype, 'admin')).toBe(false);
});

test('S57 nesting too deep for the stack is a reason, not a crash', async () => {
  const depth = 200_000;
  const recursive: z.ZodType = z.lazy(() => z.array(recursive));
  const deep = '['.repeat(depth) + ']'.repeat(depth);
  expect(await json(deep, recursive)).toEqual({ reason: expect.any(String) });
  expect(json(deep.replace('[]', '["__proto__"]'))).toEqual({ reason: expect.any(String) });
});

test('S57 10 MB of JSON give an item, or a short reason', () => {
  const text = JSON.stringify('x'.repeat(10_000_000));
  expect(json(text, z.string())).toHaveProperty('item');
  const outcome = decodeValue(
    {
      decode: (value) => {
        throw new Error(Buffer.from(value).toString());
      },
    },
    Buffer.from(text),
    'key',
  );
  expect(outcome).toEqual({ reason: expect.stringMatching(/^"x{198}…$/) });
});

test('of many issues the first are listed and the rest counted', () => {
  const schema = z.object({ a: z.number(), b: z.object({ c: z.number() }), d: z.number(), e: z.number() });
  expect(json('{"b":{}}', schema)).toEqual({ reason: expect.stringMatching(/^a: .*; b\.c: .*; d: .*; and 1 more$/) });
});

test('whatever a function throws or rejects with is a reason', async () => {
  const bytes = new Uint8Array();
  expect(
    decodeValue(
      {
        decode: () => {
          throw 'text';
        },
      },
      bytes,
      'key',
    ),
  ).toEqual({ reason: 'text' });
  expect(
    await decodeValue(
      {
        decode: async () => {
          throw new Error('later');
        },
      },
      bytes,
      'key',
    ),
  ).toEqual({ reason: 'later' });
  const schema = z.string().transform(() => {
    throw new Error('inside the schema');
  });
  expect(await json('"a"', schema)).toEqual({ reason: 'inside the schema' });
});

test('S57 reasons cannot steer a terminal, and are at most 200 characters', () => {
  expect(printable('a\u001b[31m\r\nb\u202ec\ud800')).toBe('a\\u{1b}[31m\\u{d}\\u{a}b\\u{202e}c\\u{d800}');
  expect(printable('ü → 日本 😀')).toBe('ü → 日本 😀');
  expect(printable('\u0007'.repeat(200))).toHaveLength(200);
  expect(printable('x'.repeat(201))).toBe(`${'x'.repeat(199)}…`);
});
