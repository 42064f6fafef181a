import { type Revision, WatchError } from '@rollcall/core';
import { replyFailure } from '../http/failure.js';
import { indexOf } from '../http/indexHeader.js';
import type { Reply } from '../http/reply.js';
import type { ParsedBody } from '../queries/bodyReader.js';
import { type KnownEntries, Pairs } from '../queries/entries.js';
import type { KeptBody } from '../queries/keptBody.js';
import type { Query } from '../queries/query.js';

/** A whole answer that may be believed. */
export interface ConsulAnswer {
  readonly index: Revision;
  readonly entries: KnownEntries;
  readonly malformed: number;
  /** The body, for the comparison with the next answer. */
  readonly body?: KeptBody | undefined;
}

interface AnswerContext {
  readonly query: Query;
  readonly endpoint: string;
  readonly wallNow: number;
}

/**
 * Reads a reply. It is believed only if status, index and type are Consul's: a load balancer's page must not pass for
 * an empty list, nor a filtered list for a whole one.
 * @param parsed the items of its body; undefined if the body is not one of this query's answers.
 * @throws WatchError for a reply that is no answer; FORBIDDEN for a filtered one.
 */
export function readAnswer(
  reply: Reply,
  parsed: ParsedBody | undefined,
  { query, endpoint, wallNow }: AnswerContext,
): ConsulAnswer {
  const { status, headers, text } = reply;
  const absent = status === 404 && query.absentIs404 && !text && 'x-consul-index' in headers;
  if (status !== 200 && !absent) throw replyFailure(reply, endpoint, wallNow);
  const index = indexOf(headers['x-consul-index'], endpoint);
  const body: ParsedBody | undefined = absent ? { pairs: [], malformed: 0 } : parsed;
  if (body === undefined) throw notAnAnswer(reply, endpoint, query);
  if (headers['x-consul-results-filtered-by-acls'] === 'true') {
    const why = 'its access rules hide a part from this token; give the token a policy that may read all of it';
    throw new WatchError('FORBIDDEN', `Consul at ${endpoint} does not show all of ${query.what}: ${why}.`);
  }
  return { index, entries: new Pairs(body.pairs), malformed: body.malformed, body: body.body };
}

/**
 * Whether an empty answer may hide something: if the default policy is to deny, a caller without a token gets an empty
 * list.
 */
export function isSilentlyEmpty({ headers }: Reply, { entries }: ConsulAnswer): boolean {
  return entries.size === 0 && headers['x-consul-default-acl-policy'] === 'deny';
}

function notAnAnswer({ headers }: Reply, endpoint: string, { what }: Query): WatchError {
  const type = headers['content-type'] ?? 'nothing';
  return new WatchError(
    'BAD_RESPONSE',
    `The answer of ${endpoint} for ${what} is not Consul's (${type}): a proxy, a load balancer or another service may answer in its place.`,
  );
}
