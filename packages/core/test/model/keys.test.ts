import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyFromBytes, keyToBytes } from '../../src/index.js';
import { compareKeys, isEscapedKey, prefixEnd } from '../../src/internal.js';

const SEED = { seed: 20_260_101, numRuns: 2000 };

/** Bytes as keys have them: text, and what looks like text but is not. */
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 12 }),
  fc.string({ unit: 'grapheme', maxLength: 6 }).map((text) => Uint8Array.from(Buffer.from(text))),
  fc
    .array(
      fc.constantFrom(0x00, 0x2f, 0x61, 0x80, 0xbf, 0xc0, 0xc3, 0xa9, 0xe2, 0x98, 0x83, 0xed, 0xa0, 0xf0, 0x9f, 0xff),
    )
    .map((each) => Uint8Array.from(each)),
);

describe('keys', () => {
  it('S12 survive the way to text and back, whatever their bytes', () => {
    fc.assert(
      fc.property(bytes, (key) => Buffer.compare(keyToBytes(keyFromBytes(key)), key) === 0),
      SEED,
    );
  });

  it('S12 stay distinct', () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => (keyFromBytes(a) === keyFromBytes(b)) === (Buffer.compare(a, b) === 0)),
      SEED,
    );
  });

  it('are plain text where they are UTF-8, and escaped where they are not', () => {
    fc.assert(
      fc.property(bytes, (key) => {
        const isText = Buffer.compare(Buffer.from(Buffer.from(key).toString()), key) === 0;
        const text = keyFromBytes(key);
        return isText ? text === Buffer.from(key).toString() && !isEscapedKey(text) : isEscapedKey(text);
      }),
      SEED,
    );
  });

  it.each([
    ['a byte order mark is part of the key', [0xef, 0xbb, 0xbf, 0x61], '\ufeffa'],
    ['bytes that begin no character', [0x61, 0xff, 0x62], 'a\udcffb'],
    ['a cut character', [0xe2, 0x98], '\udce2\udc98'],
    ['a character behind a broken one', [0xe2, 0xc3, 0xa9], '\udce2é'],
    ['an overlong slash', [0xc0, 0xaf], '\udcc0\udcaf'],
    ['a surrogate in UTF-8', [0xed, 0xa0, 0x80], '\udced\udca0\udc80'],
    ['past the last character', [0xf4, 0x90, 0x80, 0x80], '\udcf4\udc90\udc80\udc80'],
    ['four bytes', [0xf0, 0x9f, 0x98, 0x80], '😀'],
  ])('%s', (_, key, text) => {
    expect(keyFromBytes(Uint8Array.from(key))).toBe(text);
    expect([...keyToBytes(text)]).toEqual(key);
  });

  it('a lone surrogate that escapes no byte becomes U+FFFD', () => {
    expect([...keyToBytes('\ud800')]).toEqual([0xef, 0xbf, 0xbd]);
    expect([...keyToBytes('\udc7f\udcff')]).toEqual([0xef, 0xbf, 0xbd, 0xff]);
  });

  it('are ordered by code unit', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary' })),
        (all) => [...all].sort(compareKeys).join() === [...all].sort().join(),
      ),
      SEED,
    );
  });
});

describe('prefixEnd', () => {
  it('S03 divides the keys that begin with the prefix from all others', () => {
    fc.assert(
      fc.property(bytes, bytes, fc.boolean(), (prefix, other, inside) => {
        const key = inside ? Buffer.concat([prefix, other]) : Buffer.from(other);
        const begins = Buffer.from(prefix).equals(key.subarray(0, prefix.length));
        const end = prefixEnd(prefix);
        const isInRange = Buffer.compare(key, prefix) >= 0 && (end === undefined || Buffer.compare(key, end) < 0);
        return isInRange === begins;
      }),
      SEED,
    );
  });

  it.each([
    [[0x61], [0x62]],
    [[0x61, 0xff], [0x62]],
    [[0x61, 0xff, 0xff], [0x62]],
    [[0x00], [0x01]],
    [[0xff], undefined],
    [[0xff, 0xff], undefined],
    [[], undefined],
  ])('of %o is %o', (prefix, end) => {
    const given = Uint8Array.from(prefix);
    expect(prefixEnd(given)).toEqual(end && Uint8Array.from(end));
    expect([...given]).toEqual(prefix);
  });
});
