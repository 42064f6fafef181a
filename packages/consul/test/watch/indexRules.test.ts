import { describe, expect, test } from 'vitest';
import { indexOf, judge } from '../../src/watch/indexRules.js';

describe('X-Consul-Index', () => {
  test('is kept as text, beyond 2^53 too', () => {
    expect(indexOf('1', 'h:1')).toBe('1');
    expect(indexOf('18446744073709551615', 'h:1')).toBe('18446744073709551615');
  });

  test.each([undefined, '', '0', '00', '-1', '1.5', '1e3', 'x', ['1', '2']])('%j is no index', (header) => {
    expect(() => indexOf(header, 'h:1')).toThrowError(
      expect.objectContaining({ code: 'BAD_RESPONSE', message: expect.stringContaining('h:1') }),
    );
  });
});

describe('what an answer is worth', () => {
  test.each([
    [{ asked: undefined, index: '5', lost: false }, 'changed'],
    [{ asked: undefined, index: '5', lost: true }, 'changed'],
    [{ asked: '5', index: '6', lost: false }, 'changed'],
    [{ asked: '9', index: '10', lost: false }, 'changed'],
    [{ asked: '9007199254740992', index: '9007199254740993', lost: false }, 'changed'],
    [{ asked: '5', index: '5', lost: false }, 'unchanged'],
    [{ asked: '5', index: '4', lost: false }, 'backwards'],
    [{ asked: '10', index: '9', lost: false }, 'backwards'],
    [{ asked: '5', index: '4', lost: true }, 'backwards'],
    [{ asked: '5', index: '6', lost: true }, 'doubtful'],
    [{ asked: '5', index: '5', lost: true }, 'doubtful'],
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
    expect(judge({ asked: '5', lost: false, early: false, lenient: false, ...poll })).toBe(verdict);
  });
});
