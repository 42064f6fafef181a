import { expect, test } from 'vitest';
import { endsOf, wrongIn } from './consumed.js';

const value = (number: number): string => JSON.stringify({ producer: 0, sender: 0, number });
const stored = [0, 1, 2, 3].map((number) => ({
  producer: 0,
  sender: 0,
  number,
  partition: number % 2,
  offset: 7 + Math.floor(number / 2),
  key: undefined,
}));
const all = stored.map(({ partition, offset, number }) => ({ partition, offset, value: value(number) }));
const [first, second, third, fourth] = all as [(typeof all)[0], (typeof all)[0], (typeof all)[0], (typeof all)[0]];

test('K03 what a consumer was given is right when it is whole and in order, also when it goes back', () => {
  expect(endsOf(stored)).toEqual([9, 9]);
  expect(wrongIn(all, stored)).toEqual([]);
  expect(wrongIn([second, first, first, third, first, third, fourth], stored)).toEqual([]);
});

test('K03 what a consumer was never given, given too early, or given as another message, is seen', () => {
  expect(wrongIn([first, second, fourth], stored)).toEqual(['partition 0 gave nothing from 8 on']);
  expect(wrongIn([third, first, second, fourth], stored)).toEqual([
    `partition 0 gave ${third.value} at 8 when 7 was due`,
  ]);
  expect(wrongIn([first, { ...third, value: value(9) }, second, fourth], stored)).toEqual([
    `partition 0 gave ${value(9)} at 8 when 8 was due`,
  ]);
});
