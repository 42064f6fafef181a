import type { IncomingHttpHeaders } from 'node:http';
import { type Revision, type Timing, WatchError } from '@rollcall/core';
import type { ConsulConnection } from '../http/connection.js';
import { behindMs, type Consistency, isAgentsOwn, SETTLING, type Standing, standingOf } from '../http/consistency.js';
import { assertHasToken } from '../http/identity.js';
import { BodyReader } from '../queries/bodyReader.js';
import type { Known } from '../queries/entries.js';
import type { KeptBody } from '../queries/keptBody.js';
import type { Query } from '../queries/query.js';
import { type Answer, isSilentlyEmpty, readAnswer } from './answer.js';
import { isIndex } from './indexRules.js';

/** What all queries of one target have in common. */
export interface Questioning {
  readonly query: Query;
  /** Without a token. */
  readonly anonymous: boolean;
  /** The longest wait for an answer that does not block. */
  readonly answerMs: number;
  readonly timing: Timing;
}

/** One query. */
export interface Question {
  /** Blocks until the index is above; undefined for a plain read. */
  readonly block?: { readonly index: Revision; readonly waitMs: number } | undefined;
  readonly consistency: Consistency;
  /** What the answer is read against, to yield the same objects for what is unchanged. */
  readonly known: Known;
  /** The body of the last answer. */
  readonly kept?: KeptBody | undefined;
  readonly signal: AbortSignal;
  /** Whether the process must not end before the answer is there. */
  readonly holds: boolean;
}

export interface QueryResult extends Answer {
  readonly standing: Standing;
  readonly agentsOwn: boolean;
  /** `Timing.now()`: the answer is the store's as of then, or later. */
  readonly asOf: number;
  /** How long this thread worked on it, ms. */
  readonly costMs: number;
}

/** Consul lets a blocking query wait up to a sixteenth longer than it was asked to. */
const OVERRUN = 17 / 16;
/** What its answer may take beside, ms: it gives up half a second before the core takes it for silence. */
const BLOCK_GRACE_MS = 2_500;

/** @throws the signal's reason, or WatchError. */
export async function ask(
  { query, anonymous, answerMs, timing }: Questioning,
  connection: ConsulConnection,
  { block, consistency, known, kept, signal, holds }: Question,
): Promise<QueryResult> {
  const { endpoint } = connection;
  const { mode } = consistency;
  let body: BodyReader | undefined;
  const bodyTo = (headers: IncomingHttpHeaders): BodyReader => {
    const index = headers['x-consul-index'];
    // Without an index it is no answer; the next best will do until that is said.
    const before = { known, index: isIndex(index) ? index : '1' };
    body = new BodyReader({ boundary: query.boundary, decode: query.decoder(before), timing, kept });
    return body;
  };
  const parameters = [
    ...query.parameters,
    ...(mode === 'default' ? [] : [[mode, ''] as const]),
    ...(block === undefined
      ? []
      : [['index', block.index] as const, ['wait', `${Math.round(block.waitMs)}ms`] as const]),
  ];
  const sentAt = timing.now();
  const headersMs = block === undefined ? answerMs : block.waitMs * OVERRUN + BLOCK_GRACE_MS;
  const limits = { signal, headersMs, holds, bodyTo, mayBeCached: mode === 'cached' };
  const reply = await connection.get({ path: query.path, parameters }, limits);
  const arrivedAt = timing.now();
  const gathered = await body?.gathered();
  const answer = readAnswer(reply, gathered, { query, endpoint, wallNow: timing.wallNow() });
  if (anonymous && isSilentlyEmpty(reply, answer)) await assertHasToken(connection, query.what, signal);
  const standing = standingOf(reply.headers, consistency);
  // What settles all doubts must not be doubtful itself.
  if (block === undefined && mode === SETTLING && standing !== 'proven') throw answeredByACache(endpoint, query);
  // An answer may be held up on the way for any time: it is certain to be as young as its question. Only where a wait
  // that was over ended it, the server looked again at the end of that.
  const waited = block !== undefined && answer.index === block.index && arrivedAt - sentAt >= block.waitMs;
  const answeredAt = waited ? sentAt + block.waitMs : sentAt;
  return {
    ...answer,
    standing,
    agentsOwn: isAgentsOwn(reply.headers, mode),
    asOf: answeredAt - behindMs(reply.headers),
    costMs: body?.costMs ?? 0,
  };
}

function answeredByACache(endpoint: string, { what }: Query): WatchError {
  const why = 'a cache between answers in its place, or it has no leader; have the cache pass requests on';
  return new WatchError('BAD_RESPONSE', `What ${endpoint} answers for ${what} is not the servers' present: ${why}.`);
}
