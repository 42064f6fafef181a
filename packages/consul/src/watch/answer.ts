import { type Revision, WatchError } from '@rollcall/core';
import type { Reply } from '../http/client.js';
import { replyFailure } from '../http/failure.js';
import type { Gathered } from '../queries/bodyReader.js';
import { type Known, Pairs } from '../queries/entries.js';
import type { Query } from '../queries/query.js';
import { indexOf } from './indexRules.js';

/** A whole answer that may be trusted. */
export interface Answer {
  readonly index: Revision;
  readonly entries: Known;
  readonly malformed: number;
}

interface Asked {
  readonly query: Query;
  readonly endpoint: string;
  /** Without a token. */
  readonly anonymous: boolean;
  readonly wallNow: number;
}

/**
 * Reads a reply, trusting nothing before status, index and type are Consul's: a load balancer's page must not pass for
 * an empty list, nor a list that access rules have filtered for a whole one.
 * @param gathered what its body says, if that is what this query's answers are.
 * @throws WatchError what the reply means if it is not an answer; FORBIDDEN for a filtered one.
 */
export function readAnswer(
  reply: Reply,
  gathered: Gathered | undefined,
  { query, endpoint, anonymous, wallNow }: Asked,
): Answer {
  const { status, headers, body } = reply;
  const absent = status === 404 && query.absentIs404 && body === undefined && 'x-consul-index' in headers;
  if (status !== 200 && !absent) throw replyFailure(reply, endpoint, wallNow);
  const index = indexOf(headers['x-consul-index'], endpoint);
  const said = absent ? { pairs: [], malformed: 0 } : gathered;
  if (said === undefined) throw notAnAnswer(reply, endpoint, query);
  const hidden = hiddenBy(reply, anonymous && said.pairs.length === 0);
  if (hidden !== undefined) throw forbidden(endpoint, query, hidden);
  return { index, entries: new Pairs(said.pairs), malformed: said.malformed };
}

/**
 * Why an answer may lack something. Consul leaves out silently what the caller may not see. It says so to a caller with
 * a token; one without cannot tell "nothing there" from "nothing for you" where the default is to deny.
 */
function hiddenBy({ headers }: Reply, emptyForAnonymous: boolean): string | undefined {
  if (headers['x-consul-results-filtered-by-acls'] === 'true') {
    return 'its access rules hide a part from this token; give the token a policy that may read all of it';
  }
  if (emptyForAnonymous && headers['x-consul-default-acl-policy'] === 'deny') {
    return 'it denies by default and no token was given, so that an empty answer proves nothing; give a token';
  }
  return undefined;
}

function forbidden(endpoint: string, { what }: Query, why: string): WatchError {
  return new WatchError('FORBIDDEN', `Consul at ${endpoint} does not show all of ${what}: ${why}.`);
}

function notAnAnswer({ headers }: Reply, endpoint: string, { what }: Query): WatchError {
  const type = headers['content-type'] ?? 'nothing';
  return new WatchError(
    'BAD_RESPONSE',
    `The answer of ${endpoint} for ${what} is not Consul's (${type}): a proxy, a load balancer or another service may answer in its place.`,
  );
}
