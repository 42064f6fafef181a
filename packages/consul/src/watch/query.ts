import type { IncomingHttpHeaders } from 'node:http';
import { type Revision, type Timing, WatchError } from '@rollcall/core';
import type { ConsulConnection } from '../http/connection.js';
import { behindMs, type Consistency, isAgentsOwn, SETTLING, type Standing, standingOf } from '../http/consistency.js';
import { assertHasToken } from '../http/identity.js';
import { isIndex } from '../http/indexHeader.js';
import { BodyReader } from '../queries/bodyReader.js';
import type { KnownEntries } from '../queries/entries.js';
import type { KeptBody } from '../queries/keptBody.js';
import type { Query } from '../queries/query.js';
import { type ConsulAnswer, isSilentlyEmpty, readAnswer } from './answer.js';

/** What all queries of one target have in common. */
export interface QueryContext {
  readonly query: Query;
  /** Whether queries are sent without a token. */
  readonly anonymous: boolean;
  /** The longest wait for an answer that does not block. */
  readonly answerMs: number;
  readonly timing: Timing;
}

/** One query. */
export interface QueryRequest {
  /** Blocks until the index is higher; undefined for a plain read. */
  readonly block?: { readonly index: Revision; readonly waitMs: number } | undefined;
  readonly consistency: Consistency;
  /** The entries of before: the result has these very objects for what is unchanged. */
  readonly known: KnownEntries;
  /** The body of the last answer. */
  readonly kept?: KeptBody | undefined;
  readonly signal: AbortSignal;
  /** Whether the process must not end before the answer is there. */
  readonly holds: boolean;
}

export interface QueryResult extends ConsulAnswer {
  readonly standing: Standing;
  /** Whether the agent answered from its own cache or stream, and no server did. */
  readonly agentsOwn: boolean;
  /** Whether a blocking query ended in less than half of its wait. False for an agent's own answer: it ends as it likes. */
  readonly early: boolean;
  /** `Timing.now()` of a moment at which the store was as the answer says. */
  readonly asOf: number;
  /** Time that this thread worked on the answer, ms. */
  readonly costMs: number;
}

/** Consul may wait a sixteenth longer than asked. */
const OVERRUN = 17 / 16;
/** Time that the answer may take besides, ms: the request gives up half a second before the core's silence timer. */
const BLOCK_GRACE_MS = 2_500;

/** @throws the signal's reason, or WatchError. */
export async function query(
  { query, anonymous, answerMs, timing }: QueryContext,
  connection: ConsulConnection,
  { block, consistency, known, kept, signal, holds }: QueryRequest,
): Promise<QueryResult> {
  const { endpoint } = connection;
  const { mode } = consistency;
  let body: BodyReader | undefined;
  const bodyTo = (headers: IncomingHttpHeaders): BodyReader => {
    const index = headers['x-consul-index'];
    // An answer without an index is refused once its body was read: until then any index will do.
    const decoding = { known, index: isIndex(index) ? index : '1' };
    body = new BodyReader({ isList: query.isList, decode: query.decoder(decoding), timing, kept });
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
  const parsed = await body?.parsed();
  const answer = readAnswer(reply, parsed, { query, endpoint, wallNow: timing.wallNow() });
  if (anonymous && isSilentlyEmpty(reply, answer)) await assertHasToken(connection, query.what, signal);
  const standing = standingOf(reply.headers, consistency);
  const agentsOwn = isAgentsOwn(reply.headers, mode);
  // A plain read confirms other answers: it must be proven itself.
  if (block === undefined && mode === SETTLING && standing !== 'proven') throw answeredByACache(endpoint, query);
  // An answer may take any time on its way: it is only certain to be of the time when the query was sent. If the wait was
  // over, the server looked at its state again at the end of the wait.
  const waited = block !== undefined && answer.index === block.index && arrivedAt - sentAt >= block.waitMs;
  const answeredAt = waited ? sentAt + block.waitMs : sentAt;
  return {
    ...answer,
    standing,
    agentsOwn,
    early: block !== undefined && !agentsOwn && arrivedAt - sentAt < block.waitMs / 2,
    asOf: answeredAt - behindMs(reply.headers),
    costMs: body?.costMs ?? 0,
  };
}

function answeredByACache(endpoint: string, { what }: Query): WatchError {
  const why = 'a cache between answers in its place, or it has no leader; have the cache pass requests on';
  return new WatchError('BAD_RESPONSE', `What ${endpoint} answers for ${what} is not the servers' present: ${why}.`);
}
