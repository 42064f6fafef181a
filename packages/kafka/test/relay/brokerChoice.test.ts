import { expect, test } from 'vitest';
import { BrokerChoice } from '../../src/relay/brokerChoice.js';

const NONE: ReadonlySet<string> = new Set();

/** A choice in a time and by a chance that the test decides. */
function setUp() {
  const at = { now: 0, random: 0 };
  const timing = { now: () => at.now, wallNow: () => 0, random: () => at.random, schedule: () => () => {} };
  return { at, choice: new BrokerChoice(timing) };
}

test('any of the list, by chance', () => {
  const { at, choice } = setUp();
  expect(choice.next(['a', 'b', 'c'], NONE)).toBe('a');
  at.random = 0.999;
  expect(choice.next(['a', 'b', 'c'], NONE)).toBe('c');
});

test('none twice, and none when all are tried or there is none', () => {
  const { choice } = setUp();
  expect(choice.next(['a', 'b'], new Set(['a']))).toBe('b');
  expect(choice.next(['a', 'b'], new Set(['a', 'b']))).toBeUndefined();
  expect(choice.next([], NONE)).toBeUndefined();
});

test('what failed in the last 10 s comes last, the oldest failure first', () => {
  const { at, choice } = setUp();
  at.now = 1000;
  choice.failed('b');
  at.now = 2000;
  choice.failed('a');
  expect(choice.next(['a', 'b', 'c'], NONE)).toBe('c');
  expect(choice.next(['a', 'b', 'c'], new Set(['c']))).toBe('b');
  at.now = 11_000;
  expect(choice.next(['a', 'b'], NONE)).toBe('b');
  at.now = 12_000;
  expect(choice.next(['a', 'b'], NONE)).toBe('a');
});

test('one that works again is like any other', () => {
  const { choice } = setUp();
  choice.failed('a');
  choice.succeeded('a');
  expect(choice.next(['a', 'b'], NONE)).toBe('a');
});
