import { type Revision, WatchError } from '@rollcall/core';
import { replyFailure } from '../http/failure.js';
import { indexOf } from '../http/indexHeader.js';
import type { Reply } from '../http/reply.js';
import type { ParsedBody } from '../queries/bodyReader.js';
import { type KnownEntries, Pairs } from '../queries/entries.js';
import type { KeptBody } from '../queries/keptBody.js';
import type { Query } from '../queries/query.js';

/** A whole answer that may be trusted. */
export interface ConsulAnswer {
  readonly index: Revision;
  readonly entries: KnownEntries;
  readonly malformed: number;
  /** To read the next answer by. */
  readonly body?: KeptBody | undefined;
}

interface AnswerContext {
  readonly query: Query;
  readonly endpoint: string;
  readonly wallNow: number;
}

/**
 * Reads a reply, trusting nothing before status, index and type are Consul's: a load balancer's page must not pass for
 * an empty list, nor a list that access rules have filtered for a whole one.
 * @param parsed the items of its body; undefined if the body is not one of this query's answers.
 * @throws WatchError what the reply means if it is not an answer; FORBIDDEN for a filtered one.
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
 * Whether an answer is empty for a caller that Consul tells nothing of what it hides: one without a token cannot know
 * "nothing there" from "nothing for you" where the default is to deny.
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
