import { inspect } from 'node:util';
import { WatchError } from '@rollcall/core';
import { retryAfterMs } from '@rollcall/core/adapter';
import { describe, expect, test } from 'vitest';
import { neverSent, replyFailure, transportFailure } from '../../src/http/failure.js';
import type { Reply } from '../../src/http/reply.js';

const plain = (status: number, body: string): Reply => ({
  status,
  headers: { 'content-type': 'text/plain' },
  text: body,
});

describe('what Consul answers', () => {
  test.each([
    [403, 'ACL not found', 'UNAUTHENTICATED', 'check the token'],
    [403, 'rpc error making call: ACL not found', 'UNAUTHENTICATED', 'check the token'],
    [403, `Permission denied: anonymous token lacks permission 'key:read' on "a"`, 'FORBIDDEN', 'give a token'],
    [403, `Permission denied: token with AccessorID 'x' lacks permission 'key:read' on "a"`, 'FORBIDDEN', 'a policy'],
    [500, 'Failed to create boolean expression evaluator: 1:3', 'INVALID_URL', 'filter'],
    [
      400,
      'Invalid header: "X-Consul-Namespace" - Namespaces are a Consul Enterprise feature',
      'INVALID_URL',
      'namespace',
    ],
    [413, 'Request body(600000 bytes) too large, max size: 524288 bytes.', 'INVALID_OPTION', 'value smaller'],
    [400, 'Client sent an HTTP request to an HTTPS server.\n', 'TLS', 'consuls://'],
    [500, 'No path to datacenter', 'UNAVAILABLE', 'dc'],
    [500, 'No cluster leader', 'UNAVAILABLE', 'electing a leader'],
    [500, 'something else', 'UNAVAILABLE', 'see its log'],
    [429, 'Your IP is issuing too many concurrent connections', 'RATE_LIMITED', 'http_max_conns_per_client'],
    [429, 'wait a bit', 'RATE_LIMITED', 'slow down'],
    [404, 'Invalid URL path: not a recognized HTTP API endpoint', 'BAD_RESPONSE', 'in its place'],
    [400, 'Invalid wait time', 'BAD_RESPONSE', 'refuses the request'],
  ])('%i %s', (status, body, code, advice) => {
    const error = replyFailure(plain(status, body), 'h:8500', 0);
    expect(error.code).toBe(code);
    expect(error.message).toContain('h:8500');
    expect(error.message).toContain(String(status));
    expect(error.message).toContain(body.trim());
    expect(error.message).toContain(advice);
  });

  test('a text without a type is quoted: so Go answers plain text on a TLS port', () => {
    const body = 'Client sent an HTTP request to an HTTPS server.\n';
    expect(replyFailure({ status: 400, headers: {}, text: body }, 'h:1', 0).code).toBe('TLS');
  });

  test.each([
    [301, 'BAD_RESPONSE'],
    [401, 'UNAUTHENTICATED'],
    [404, 'BAD_RESPONSE'],
    [502, 'UNAVAILABLE'],
    [503, 'UNAVAILABLE'],
    [504, 'UNAVAILABLE'],
  ])('a page with status %i is not quoted, nor taken for the words of Consul', (status, code) => {
    const body = '<h1>ACL not found</h1>';
    const error = replyFailure({ status, headers: { 'content-type': 'text/html' }, text: body }, 'h:1', 0);
    expect(error.code).toBe(code);
    expect(error.message).toContain('text/html');
    expect(error.message).not.toContain('ACL');
  });

  test('a long text is cut, and lines are joined', () => {
    const { message } = replyFailure(plain(500, `a\nb${'x'.repeat(10_000)}`), 'h:1', 0);
    expect(message).toContain('a bxxx');
    expect(message.length).toBeLessThan(500);
  });

  test('S27 Retry-After is taken over', () => {
    const headers = { 'retry-after': '7' };
    expect(replyFailure({ status: 429, headers }, 'h:1', 0).retryAfterMs).toBe(7000);
    expect(replyFailure({ status: 503, headers }, 'h:1', 0).retryAfterMs).toBe(7000);
    expect(replyFailure({ status: 429, headers: {} }, 'h:1', 0).retryAfterMs).toBeUndefined();
  });

  test('S27 Retry-After is a number of seconds or a date', () => {
    const now = Date.UTC(2026, 0, 1);
    expect(retryAfterMs('0', now)).toBe(0);
    expect(retryAfterMs('Thu, 01 Jan 2026 00:00:30 GMT', now)).toBe(30_000);
    expect(retryAfterMs('Wed, 31 Dec 2025 00:00:00 GMT', now)).toBe(0);
    expect(retryAfterMs('soon', now)).toBeUndefined();
  });
});

describe('when no answer comes', () => {
  test.each([
    ['ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1', 'UNREACHABLE', 'is Consul running'],
    ['ENOTFOUND', 'getaddrinfo ENOTFOUND x', 'UNREACHABLE', 'does not resolve'],
    ['ECONNRESET', 'socket hang up', 'UNREACHABLE', 'the connection broke'],
    ['ECONNRESET', 'aborted', 'UNREACHABLE', 'the connection broke'],
    ['EHOSTUNREACH', 'connect EHOSTUNREACH', 'UNREACHABLE', 'network'],
    ['HPE_INVALID_CONSTANT', 'Parse Error: Expected HTTP/', 'BAD_RESPONSE', 'not speak HTTP'],
    ['EPROTO', 'write EPROTO error:0A00010B:SSL routines:ssl3_get_record:wrong version number', 'TLS', 'consul://'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate', 'TLS', 'tls.ca'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'unable to verify the first certificate', 'TLS', 'tls.ca'],
    ['CERT_HAS_EXPIRED', 'certificate has expired', 'TLS', 'dates'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', "Hostname/IP does not match certificate's altnames", 'TLS', 'tls.serverName'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'tlsv13 alert certificate required', 'TLS', 'tls.cert'],
    ['ECONNRESET', 'Client network socket disconnected before secure TLS connection was established', 'TLS', 'TLS'],
  ])('%s: %s', (code, message, expected, advice) => {
    const error = transportFailure(Object.assign(new Error(message), { code }), 'h:8500');
    expect(error.code).toBe(expected);
    expect(error.message).toContain('h:8500');
    expect(error.message).toContain(advice);
  });

  test('S55 the cause holds nothing of the request', () => {
    const response = { req: { _header: 'x-consul-token: sekret' } };
    const error = Object.assign(new Error('aborted'), { code: 'ECONNRESET', response });
    expect(inspect(transportFailure(error, 'h:1'), { depth: 9, showHidden: true })).not.toContain('sekret');
  });

  test('a defect is INTERNAL, and a WatchError stays as it is', () => {
    expect(transportFailure(new TypeError('x is not a function'), 'h:1').code).toBe('INTERNAL');
    const own = new WatchError('CLOSED', 'closed');
    expect(transportFailure(own, 'h:1')).toBe(own);
  });

  test('only when no connection came to be was nothing sent', () => {
    const failure = (code: string) => transportFailure(Object.assign(new Error(code), { code }), 'h:1');
    expect(neverSent(failure('ECONNREFUSED'))).toBe(true);
    expect(neverSent(failure('ECONNRESET'))).toBe(false);
    expect(neverSent(new WatchError('TIMEOUT', ''))).toBe(false);
  });
});
