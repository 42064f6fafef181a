import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Pair } from '../../src/queries/entries.js';
import { BodyBudget, KeptBody } from '../../src/queries/keptBody.js';

const BOUNDARY = '},{"LockIndex":';

interface Item {
  readonly LockIndex: number;
  readonly Key: string;
  readonly Value: string;
}

const bodyOf = (items: readonly Item[]): Buffer => Buffer.from(JSON.stringify(items));
const pairOf = ({ Key, Value, LockIndex }: Item): Pair => [Key, { value: Buffer.from(`${LockIndex}:${Value}`) }];
const texts = (pairs: readonly Pair[] | undefined) => pairs?.map(([key, { value }]) => [key, String(value)]);

function kept(items: readonly Item[]): KeptBody {
  const body = KeptBody.of(bodyOf(items), items.map(pairOf));
  return body ?? expect.fail('nothing is kept');
}

/** @returns what the body says, and how many items were parsed for it. */
function read(body: KeptBody, bytes: Buffer): { readonly pairs: readonly Pair[] | undefined; readonly parsed: number } {
  let parsed = 0;
  // As it arrives in two chunks.
  const half = bytes.length >> 1;
  const same = body.commonStart(bytes.subarray(0, half), 0);
  const more = same < half ? 0 : body.commonStart(bytes.subarray(half), half);
  const rest = [bytes.subarray(same, half), bytes.subarray(half + more)];
  const reading = body.read(same + more, rest, (item) => {
    parsed++;
    return typeof item === 'object' ? pairOf(item as Item) : undefined;
  });
  for (;;) {
    const step = reading.next();
    if (!step.done) continue;
    if (step.value) expect(body.bytes.equals(bytes)).toBe(true);
    return { pairs: step.value ? body.pairs : undefined, parsed };
  }
}

const many = Array.from({ length: 1_000 }, (_, i) => ({
  LockIndex: 0,
  Key: `k${String(i).padStart(4, '0')}`,
  Value: 'dmFsdWU=',
}));

describe('a body that is read by the last one', () => {
  const changed = many.map((item, i) => (i % 300 === 10 ? { ...item, Value: 'bmV3' } : item));
  const inserted = many.toSpliced(500, 0, { LockIndex: 0, Key: 'k0499a', Value: '' });
  test.each([
    ['the same', many, 0],
    ['one changed', many.with(500, { LockIndex: 3, Key: 'k0500', Value: 'bmV3' }), 1],
    ['some changed, far apart', changed, 4],
    ['one more', inserted, 1],
    ['one more at the end', [...many, { LockIndex: 0, Key: 'z', Value: '' }], 1],
    // The one after it is parsed: it is not where one was.
    ['one less', many.toSpliced(500, 1), 1],
    ['the first gone', many.slice(1), 1],
    ['the last gone', many.slice(0, -1), 0],
  ])('%s: parses only what differs', (_, items, most) => {
    const { pairs, parsed } = read(kept(many), bodyOf(items));
    expect(texts(pairs)).toEqual(texts(items.map(pairOf)));
    expect(parsed).toBeLessThanOrEqual(most);
  });

  test('keeps the pairs of items that are the same', () => {
    const body = kept(many);
    const before = body.pairs;
    const { pairs } = read(body, bodyOf(many.with(500, { LockIndex: 3, Key: 'k0500', Value: 'bmV3' })));
    expect(pairs?.filter((pair, i) => pair !== before[i])).toHaveLength(1);
  });

  test.each(['[]', 'null', '{}', '', '[1]', JSON.stringify(many).slice(0, -300), `${JSON.stringify(many)}x`.slice(1)])(
    'says nothing of what is no such body, or throws a SyntaxError: %.20s',
    (text) => {
      const body = kept(many);
      let pairs: readonly Pair[] | undefined;
      try {
        ({ pairs } = read(body, Buffer.from(text)));
      } catch (error) {
        expect(error).toBeInstanceOf(SyntaxError);
      }
      expect(pairs).toBeUndefined();
      expect(read(body, bodyOf(many)).parsed).toBe(0);
    },
  );

  test('says what a parse of the whole says, for any two bodies', () => {
    const text = fc.oneof(fc.string(), fc.constantFrom(BOUNDARY, '"', '\\', '},{', ']', '[', 'é', '\u2028'));
    const item = fc.record({ LockIndex: fc.nat(2), Key: text, Value: text });
    const items = fc
      .uniqueArray(item, { minLength: 1, maxLength: 12, selector: ({ Key }) => Key })
      .map((all) => all.sort((a, b) => (a.Key < b.Key ? -1 : 1)));
    fc.assert(
      fc.property(items, items, fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }), (before, others, picks) => {
        // Mostly the same, some changed, some gone, some new.
        const byKey = new Map(before.map((each) => [each.Key, each]));
        for (const [i, other] of others.entries()) {
          if (picks[i]) byKey.set(other.Key, other);
          else byKey.delete(before[i]?.Key ?? '');
        }
        const after = [...byKey.values()].sort((a, b) => (a.Key < b.Key ? -1 : 1));
        const body = kept(before);
        const { pairs } = read(body, bodyOf(after));
        if (after.length > 0) expect(texts(pairs)).toEqual(texts(after.map(pairOf)));
        // And what was read this way can be read by.
        expect(texts(read(body, bodyOf(before)).pairs)).toEqual(texts(before.map(pairOf)));
      }),
      { numRuns: 2_000 },
    );
  });
});

test('nothing is kept where pairs are not those of the items one by one', () => {
  expect(KeptBody.of(bodyOf(many), many.slice(1).map(pairOf))).toBeUndefined();
  expect(KeptBody.of(Buffer.from(JSON.stringify(many, undefined, 2)), many.map(pairOf))).toBeUndefined();
});

test('the bodies of all watches stay within their bound', () => {
  const body = kept(many);
  const others = [kept(many), kept(many)] as const;
  const budget = new BodyBudget(body.bytes.length * 2);
  expect(budget.replace(undefined, body)).toBe(body);
  expect(budget.replace(undefined, others[0])).toBe(others[0]);
  expect(budget.replace(undefined, others[1])).toBeUndefined();
  expect(budget.replace(body, body)).toBe(body);
  expect(budget.replace(body, undefined)).toBeUndefined();
  expect(budget.replace(undefined, others[1])).toBe(others[1]);
});
