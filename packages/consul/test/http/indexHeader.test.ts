import { describe, expect, test } from 'vitest';
import { indexOf } from '../../src/http/indexHeader.js';

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
