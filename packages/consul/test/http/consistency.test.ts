import { describe, expect, test } from 'vitest';
import { type Mode, standingOf } from '../../src/http/consistency.js';

const standing = (mode: Mode, headers: Readonly<Record<string, string>>) =>
  standingOf(headers, { mode, maxStaleMs: 5_000 });

const server = { 'x-consul-query-backend': 'blocking-query' };
/** A stream's view of the agent: with a leader as without one. */
const streamed = {
  'x-consul-query-backend': 'streaming',
  'x-consul-knownleader': 'false',
  'x-consul-lastcontact': '0',
};
const cached = { ...server, 'x-cache': 'HIT', 'x-consul-knownleader': 'true', 'x-consul-lastcontact': '27' };

const contact = (knownleader: string, lastcontact: string) => ({
  'x-consul-knownleader': knownleader,
  'x-consul-lastcontact': lastcontact,
});
const allowedStale = { ...server, 'x-consul-effective-consistency': 'stale' };

describe('what an answer proves of its age', () => {
  test.each<[string, Mode, Readonly<Record<string, string>>, string]>([
    ['of a server', 'default', server, 'proven'],
    ['of a server, before Consul told from where', 'default', {}, 'proven'],
    ['streamed', 'default', streamed, 'unproven'],
    ['of a server', 'consistent', server, 'proven'],
    ['streamed', 'consistent', streamed, 'weak'],
    ['streamed', 'stale', streamed, 'unproven'],
    ['streamed', 'cached', { ...streamed, 'x-cache': 'MISS' }, 'unproven'],
    ['cached and fresh', 'cached', { ...cached, age: '5' }, 'unproven'],
    ['cached long ago', 'cached', { ...cached, age: '6' }, 'weak'],
    ['fetched for us', 'cached', { ...cached, 'x-cache': 'MISS' }, 'unproven'],
    [
      'S73 by discovery_max_stale of a server with a leader',
      'default',
      { ...allowedStale, ...contact('true', '12') },
      'proven',
    ],
    ['S73 by discovery_max_stale of one without', 'default', { ...allowedStale, ...contact('false', '12') }, 'weak'],
    ['S73 by discovery_max_stale of one that lags', 'default', { ...allowedStale, ...contact('true', '9000') }, 'weak'],
    ['S73 of a server that knows no leader', 'default', { ...server, ...contact('false', '0') }, 'weak'],
    ["S73 of a proxy's cache", 'default', { ...server, age: '3' }, 'unproven'],
    ["S73 of a proxy's cache, long ago", 'default', { ...server, age: '60' }, 'weak'],
    ["S73 of a proxy's cache that says no age", 'consistent', { ...server, 'x-cache': 'HIT from web' }, 'unproven'],
    ['of a proxy that asked for us', 'consistent', { ...server, 'x-cache': 'MISS from web' }, 'proven'],
  ])('%s, %s', (_, mode, headers, expected) => {
    expect(standing(mode, headers)).toBe(expected);
  });

  describe.each<Mode>(['stale', 'cached'])('of a server that may be behind, %s', (mode) => {
    test.each([
      ['true', '0', 'proven'],
      ['true', '5000', 'proven'],
      ['true', '5001', 'weak'],
      ['false', '0', 'weak'],
    ])('leader known: %s, last contact %s ms ago', (known, contact, expected) => {
      const headers = { ...server, 'x-consul-knownleader': known, 'x-consul-lastcontact': contact };
      expect(standing(mode, headers)).toBe(expected);
    });

    test('who does not say is not trusted', () => {
      expect(standing(mode, server)).toBe('weak');
      expect(standing(mode, { ...server, 'x-consul-knownleader': 'true' })).toBe('weak');
    });
  });
});
