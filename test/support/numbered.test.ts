import { expect, test } from 'vitest';
import { NumberedSender, tally } from './numbered.js';

test('K23 the tally sees what is lost, duplicated and reordered', () => {
  expect(tally([0, 1, 2, 3], [0, 1, 2, 3])).toEqual({
    acknowledged: 4,
    stored: 4,
    lost: [],
    duplicated: [],
    reordered: [],
  });
  expect(tally([0, 1, 2, 3, 4], [0, 3, 1, 3, 3, 5])).toEqual({
    acknowledged: 5,
    stored: 6,
    lost: [2, 4],
    duplicated: [3],
    reordered: [1],
  });
});

test('a number is sent again until it is acknowledged, and never skipped', async () => {
  const sender = new NumberedSender();
  const sent: number[] = [];
  const stop = new AbortController();
  const failing = async (number: number): Promise<void> => {
    sent.push(number);
    if (number === 2) throw new Error('unknown outcome');
  };
  await expect(sender.run(failing, stop.signal)).rejects.toThrow('unknown outcome');
  const enough = sender.more(2);
  const running = sender.run(async (number) => sent.push(number), stop.signal);
  await enough;
  stop.abort();
  await running;
  expect(sent.slice(0, 5)).toEqual([0, 1, 2, 2, 3]);
  expect(sender.acknowledged).toEqual(sent.filter((number, at) => sent.indexOf(number) === at));
});
