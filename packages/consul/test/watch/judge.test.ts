import { describe, expect, test } from 'vitest';
import { Contradictions, type Evidence, judge } from '../../src/watch/judge.js';

const proven = { standing: 'proven', early: false, lenient: false } as const;
const plain = (index: string, lost = false): Evidence => ({ blockedOn: undefined, index, lost, ...proven });
const blocking = (blockedOn: string, index: string, lost = false): Evidence => ({ blockedOn, index, lost, ...proven });

/** Whether a plain read must confirm each answer; `error` ends it. */
function told(...polls: readonly Evidence[]): (boolean | 'error')[] {
  const contradictions = new Contradictions('h:8500');
  return polls.map((poll) => {
    try {
      return contradictions.mustConfirm(judge(poll), poll);
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
  const unproven: Evidence = { ...blocking('5', '5'), standing: 'unproven' };
  const weak: Evidence = { ...blocking('5', '4'), standing: 'weak', lenient: true };
  expect(told(plain('5'), unproven, plain('5'), unproven, plain('5'))).toEqual([false, true, false, true, false]);
  expect(told(plain('5'), weak, plain('5'), weak, plain('5'))).toEqual([false, true, false, true, false]);
});

test('an index that goes backwards long after another one that did is not held against it', () => {
  const unproven: Evidence = { ...blocking('4', '4'), standing: 'unproven' };
  const polls = [plain('9'), blocking('9', '4'), plain('4'), unproven, plain('4'), blocking('4', '3')];
  expect(told(...polls)).toEqual([false, true, false, true, false, true]);
});

describe('what an answer is worth', () => {
  test.each([
    [{ blockedOn: undefined, index: '5', lost: false }, 'changed'],
    [{ blockedOn: undefined, index: '5', lost: true }, 'changed'],
    [{ blockedOn: '5', index: '6', lost: false }, 'changed'],
    [{ blockedOn: '9', index: '10', lost: false }, 'changed'],
    [{ blockedOn: '9007199254740992', index: '9007199254740993', lost: false }, 'changed'],
    [{ blockedOn: '5', index: '5', lost: false }, 'unchanged'],
    [{ blockedOn: '5', index: '4', lost: false }, 'backwards'],
    [{ blockedOn: '10', index: '9', lost: false }, 'backwards'],
    [{ blockedOn: '5', index: '4', lost: true }, 'backwards'],
    [{ blockedOn: '5', index: '6', lost: true }, 'doubtful'],
    [{ blockedOn: '5', index: '5', lost: true }, 'doubtful'],
  ] as const)('%j is %s', (poll, verdict) => {
    expect(judge({ standing: 'proven', early: false, lenient: false, ...poll })).toBe(verdict);
  });

  test.each([
    [{ index: '6', standing: 'unproven' }, 'changed'],
    [{ index: '5', standing: 'unproven' }, 'unproven'],
    [{ index: '6', standing: 'weak' }, 'weak'],
    [{ index: '5', standing: 'weak' }, 'weak'],
    [{ index: '4', standing: 'weak' }, 'weak'],
    [{ index: '5', standing: 'proven', early: true }, 'unproven'],
    [{ index: '6', standing: 'proven', early: true }, 'changed'],
    [{ index: '6', standing: 'proven', lenient: true }, 'changed'],
    [{ index: '5', standing: 'proven', lenient: true }, 'unchanged'],
    [{ index: '4', standing: 'proven', lenient: true }, 'weak'],
  ] as const)('by its standing, %j is %s', (poll, verdict) => {
    expect(judge({ blockedOn: '5', lost: false, early: false, lenient: false, ...poll })).toBe(verdict);
  });
});
