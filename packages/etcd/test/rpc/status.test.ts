import { WatchError } from '@rollcall/core';
import { describe, expect, test } from 'vitest';
import { neverSent, toWatchError } from '../../src/rpc/status.js';

const failure = (code: number, details: string) => Object.assign(new Error(`${code} ${details}`), { code, details });
const connecting = (lastError: string) => failure(14, `No connection established. Last error: ${lastError}`);

test.each([
  [11, 'etcdserver: mvcc: required revision has been compacted', 'COMPACTED'],
  [11, 'etcdserver: mvcc: required revision is a future revision', 'ROLLED_BACK'],
  [3, 'etcdserver: authentication failed, invalid user ID or password', 'UNAUTHENTICATED'],
  [3, 'etcdserver: user name is empty', 'UNAUTHENTICATED'],
  [3, 'etcdserver: revision of auth store is old', 'UNAUTHENTICATED'],
  [16, 'etcdserver: invalid auth token', 'UNAUTHENTICATED'],
  [7, 'etcdserver: permission denied', 'FORBIDDEN'],
  [8, 'etcdserver: too many requests', 'RATE_LIMITED'],
  [8, 'Received message larger than max (5000000 vs 4194304)', 'TOO_LARGE'],
  [8, 'etcdserver: mvcc: database space exceeded', 'UNAVAILABLE'],
  [3, 'etcdserver: request is too large', 'INVALID_OPTION'],
  [5, 'etcdserver: requested lease not found', 'NOT_FOUND'],
  [11, 'etcdserver: too large lease TTL', 'INVALID_OPTION'],
  [3, 'etcdserver: key not found', 'NOT_FOUND'],
  [14, 'etcdserver: no leader', 'UNAVAILABLE'],
  [14, 'etcdserver: leader changed', 'UNAVAILABLE'],
  [14, 'etcdserver: request timed out', 'UNAVAILABLE'],
  [14, 'etcdserver: server stopped', 'UNAVAILABLE'],
  [4, 'Deadline exceeded after 10.001s', 'TIMEOUT'],
  [14, 'Connection dropped', 'UNREACHABLE'],
  [14, 'read ECONNRESET', 'UNREACHABLE'],
  [13, 'Received RST_STREAM with code 2', 'UNREACHABLE'],
  [13, 'Response message parsing error: The message is cut off.', 'BAD_RESPONSE'],
  [14, 'Received HTTP status code 502', 'BAD_RESPONSE'],
  [12, 'Received HTTP status code 404', 'BAD_RESPONSE'],
  [12, 'unknown service etcdserverpb.Watch', 'BAD_RESPONSE'],
  [8, 'Compressed data exceeds maximum length', 'BAD_RESPONSE'],
  [2, 'who knows', 'BAD_RESPONSE'],
])('status %i "%s" is %s', (code, details, expected) => {
  const error = toWatchError(failure(code, details), '10.0.0.1:2379');
  expect(error.code).toBe(expected);
  expect(error.message).toContain('10.0.0.1:2379');
  expect(neverSent(error)).toBe(false);
});

test.each([
  ['Error: connect ECONNREFUSED 127.0.0.1:1', 'UNREACHABLE', 'is etcd running'],
  ['Error: connect EHOSTUNREACH 10.0.0.1:2379', 'UNREACHABLE', 'address and network'],
  ['self-signed certificate in certificate chain', 'TLS', 'tls.ca'],
  ["Error: Hostname/IP does not match certificate's altnames: IP: 127.0.0.1 is not in the list", 'TLS', 'serverName'],
  ['certificate has expired', 'TLS', 'dates'],
  ['Error: SSL routines:ssl3_get_record:wrong version number', 'TLS', 'etcd://'],
  ['Error: ssl3_read_bytes:sslv3 alert bad certificate:SSL alert number 42', 'TLS', 'tls.cert'],
  [
    'Error: Client network socket disconnected before secure TLS connection was established',
    'UNREACHABLE',
    'handshake',
  ],
  ['Error: Protocol error', 'BAD_RESPONSE', 'something else'],
  ['Error: getaddrinfo ENOTFOUND tls-certificate.internal', 'UNREACHABLE', 'resolve'],
])('no connection because of "%s" is %s', (lastError, expected, advice) => {
  const error = toWatchError(connecting(lastError), '10.0.0.1:2379');
  expect(error.code).toBe(expected);
  expect(error.message).toContain(advice);
  expect(neverSent(error)).toBe(true);
});

test('a host name that does not resolve is UNREACHABLE, whatever words are in it', () => {
  const error = toWatchError(failure(14, 'Name resolution failed for target dns:tls-certificate.internal:2379'), 'h:1');
  expect(error.code).toBe('UNREACHABLE');
  expect(neverSent(error)).toBe(true);
});

test('a message names the last error, and the same failure has the same message at another time', () => {
  const at = (time: string) =>
    toWatchError(connecting(`Failed to connect (${time}). Resolution note: `), '10.0.0.1:2379').message;
  expect(at('2026-01-01T00:00:00.000Z')).toBe(
    'Cannot connect to etcd at 10.0.0.1:2379: check address and network (Failed to connect).',
  );
  expect(at('2026-01-01T00:00:00.000Z')).toBe(at('2027-02-02T11:11:11.111Z'));
  const refused = connecting('Error: connect ECONNREFUSED 10.0.0.1:2379. Resolution note: ');
  expect(toWatchError(refused, '10.0.0.1:2379').message).toMatch(/\(connect ECONNREFUSED 10\.0\.0\.1:2379\)\.$/);
});

describe('what is no gRPC failure', () => {
  test('a WatchError stays itself', () => {
    const error = new WatchError('COMPACTED', 'x');
    expect(toWatchError(error, 'h:1')).toBe(error);
    expect(neverSent(error)).toBe(false);
  });

  test('anything else is a defect', () => {
    expect(toWatchError(new TypeError('oops'), 'h:1').code).toBe('INTERNAL');
  });
});
