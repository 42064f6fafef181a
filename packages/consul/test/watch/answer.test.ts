import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, test } from 'vitest';
import type { Reply } from '../../src/http/reply.js';
import { NOTHING } from '../../src/queries/entries.js';
import { queryOf } from '../../src/queries/queryOf.js';
import { isSilentlyEmpty, readAnswer } from '../../src/watch/answer.js';

const kv = { prefix: 'a/' };
const service = { prefix: '', query: { service: ['web'] } };
const pair = { Key: 'a/b', Value: null, CreateIndex: 1, ModifyIndex: 1 };

function read(
  { body, ...reply }: Partial<Reply> & { readonly body?: unknown },
  { target = kv as Parameters<typeof queryOf>[0] } = {},
) {
  const headers = { 'x-consul-index': '7', ...reply.headers };
  const text = typeof body === 'string' ? body : undefined;
  const whole: Reply = { status: 200, ...reply, headers, text };
  const query = queryOf(target);
  const parsed = query.decoder({ known: NOTHING, index: '7' })(body);
  return readAnswer(whole, parsed, { query, endpoint: 'h:8500', wallNow: 0 });
}

const without = (name: string): IncomingHttpHeaders => ({ [name]: undefined });

test('a whole answer has its index and entries', () => {
  const answer = read({ body: [pair] });
  expect(answer.index).toBe('7');
  expect(Array.from(answer.entries, ([key]) => key)).toEqual(['b']);
});

test('S47 in the KV store, 404 with an index and no body means nothing there; elsewhere it does not', () => {
  expect(read({ status: 404 }).entries.size).toBe(0);
  expect(() => read({ status: 404 }, { target: service })).toThrowError(
    expect.objectContaining({ code: 'BAD_RESPONSE' }),
  );
});

describe('S28 what is not an answer of Consul is an error, never an empty list', () => {
  test.each<[string, Parameters<typeof read>[0]]>([
    ['a page', { headers: { 'content-type': 'text/html' }, body: '<html>' }],
    ['a page, and an index', { body: '<html>' }],
    ['no body', {}],
    ['JSON that cannot be parsed', { body: Buffer.from('[{"Key"') }],
    ['JSON of another kind', { body: { error: 'x' } }],
    ['no index', { headers: without('x-consul-index'), body: [pair] }],
    ['index 0', { headers: { 'x-consul-index': '0' }, body: [pair] }],
    ['404 without an index', { status: 404, headers: without('x-consul-index') }],
    ['404 with index 0', { status: 404, headers: { 'x-consul-index': '0' } }],
    ['404 with a page', { status: 404, body: '<html>' }],
    ['204', { status: 204 }],
  ])('%s', (_, reply) => {
    expect(() => read(reply)).toThrowError(
      expect.objectContaining({ code: 'BAD_RESPONSE', message: expect.stringContaining('h:8500') }),
    );
  });
});

describe('S52 what access rules hide', () => {
  const filtered = { 'x-consul-results-filtered-by-acls': 'true' };
  const deny = { 'x-consul-default-acl-policy': 'deny' };
  const forbidden = expect.objectContaining({ code: 'FORBIDDEN' });

  test('a filtered answer is forbidden, empty or not', () => {
    expect(() => read({ headers: filtered, body: [pair] })).toThrowError(forbidden);
    expect(() => read({ headers: filtered, status: 404 })).toThrowError(forbidden);
    expect(() => read({ headers: filtered, body: [] }, { target: service })).toThrowError(forbidden);
  });

  test('an empty answer says nothing by itself where the default is to deny', () => {
    const silently = (headers: IncomingHttpHeaders, body?: unknown): boolean => {
      const answer = read({ headers, ...(body === undefined ? { status: 404 } : { body }) });
      return isSilentlyEmpty({ status: 200, headers }, answer);
    };
    expect(silently(deny)).toBe(true);
    expect(silently({ 'x-consul-default-acl-policy': 'allow' })).toBe(false);
    expect(silently(deny, [pair])).toBe(false);
  });
});
