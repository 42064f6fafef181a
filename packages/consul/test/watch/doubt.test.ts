import { expect, test } from 'vitest';
import { Doubt } from '../../src/watch/doubt.js';
import { judge, type Poll } from '../../src/watch/indexRules.js';

const proven = { standing: 'proven', early: false, lenient: false } as const;
const plain = (index: string, lost = false): Poll => ({ asked: undefined, index, lost, ...proven });
const blocking = (asked: string, index: string, lost = false): Poll => ({ asked, index, lost, ...proven });

/** Whether each answer must be settled by a plain read; `error` ends it. */
function told(...polls: readonly Poll[]): (boolean | 'error')[] {
  const doubt = new Doubt('h:8500');
  return polls.map((poll) => {
    try {
      return doubt.about(judge(poll), poll);
    } catch (error) {
      expect(error).toMatchObject({ code: 'BAD_RESPONSE', message: expect.stringContaining('h:8500') });
      return 'error';
    }
  });
}

test('deletes that plain reads confirm, one after the other', () => {
  const polls = [plain('5'), blocking('5', '6', true), plain('6', true), blocking('6', '7', true), plain('7', true)];
  expect(told(...polls)).toEqual([false, true, false, true, false]);
});

test('a key that flaps: it is back, by a later change, when the plain read comes, and goes again', () => {
  const polls = [plain('5'), blocking('5', '6', true), plain('7'), blocking('7', '8', true), plain('9')];
  expect(told(...polls)).toEqual([false, true, false, true, false]);
});

test('a loss that plain reads deny, again', () => {
  expect(told(plain('5'), blocking('5', '6', true), plain('6'), blocking('6', '6', true))).toEqual([
    false,
    true,
    false,
    'error',
  ]);
});

test('a loss that a plain read denied once, then all is well', () => {
  const polls = [plain('5'), blocking('5', '6', true), plain('6'), blocking('6', '6'), blocking('6', '7', true)];
  expect(told(...polls)).toEqual([false, true, false, false, true]);
});

test('an index that goes backwards once, and one that does again', () => {
  expect(told(plain('9'), blocking('9', '4'), plain('4'), blocking('4', '5'), blocking('5', '3'))).toEqual([
    false,
    true,
    false,
    false,
    true,
  ]);
  expect(told(plain('9'), blocking('9', '8'), plain('9', true), blocking('9', '8'))).toEqual([
    false,
    true,
    false,
    'error',
  ]);
});

test('answers with nothing new that prove nothing, or that may be old, are settled as often as they come', () => {
  const unproven: Poll = { ...blocking('5', '5'), standing: 'unproven' };
  const weak: Poll = { ...blocking('5', '4'), standing: 'weak', lenient: true };
  expect(told(plain('5'), unproven, plain('5'), unproven, plain('5'))).toEqual([false, true, false, true, false]);
  expect(told(plain('5'), weak, plain('5'), weak, plain('5'))).toEqual([false, true, false, true, false]);
});

test('an index that goes backwards long after another one that did is not held against it', () => {
  const unproven: Poll = { ...blocking('4', '4'), standing: 'unproven' };
  const polls = [plain('9'), blocking('9', '4'), plain('4'), unproven, plain('4'), blocking('4', '3')];
  expect(told(...polls)).toEqual([false, true, false, true, false, true]);
});
