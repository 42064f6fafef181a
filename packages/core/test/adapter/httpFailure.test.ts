import { expect, test } from 'vitest';
import { httpFailure } from '../../src/adapter.js';

test.each([
  ['fetch', (status: number, after: string) => new Response('', { status, headers: { 'retry-after': after } })],
  ['node:http', (statusCode: number, after: string) => ({ statusCode, headers: { 'retry-after': after } })],
])('a response of %s becomes an error with the wait that it asks for', (_, reply) => {
  expect(httpFailure(reply(429, '7'), 'the registry', 0)).toMatchObject({
    code: 'RATE_LIMITED',
    message: expect.stringMatching(/^The registry answers 429: /),
    retryAfterMs: 7000,
  });
  expect(httpFailure(reply(503, 'Thu, 01 Jan 1970 00:00:09 GMT'), 'the registry', 4000)).toMatchObject({
    code: 'UNAVAILABLE',
    retryAfterMs: 5000,
  });
  expect(httpFailure(reply(404, 'soon'), 'the registry', 0)).toMatchObject({
    code: 'BAD_RESPONSE',
    retryAfterMs: undefined,
  });
});
