import type { IncomingHttpHeaders } from 'node:http';
import type { Revision, Timing } from '@rollcall/core';
import type { Lease } from '../http/cluster.js';
import { type Consistency, isAgentsOwn, type Standing, standingOf } from '../http/consistency.js';
import { BodyReader } from '../queries/bodyReader.js';
import type { Known } from '../queries/entries.js';
import type { Query } from '../queries/query.js';
import { type Answer, readAnswer } from './answer.js';
import { isIndex } from './indexRules.js';

/** What all queries of one target have in common. */
export interface Asking {
  readonly query: Query;
  /** Without a token. */
  readonly anonymous: boolean;
  /** The longest wait for an answer that does not block. */
  readonly answerMs: number;
  /** The longest wait for one that does. */
  readonly blockedMs: number;
  readonly timing: Timing;
}

/** One query. */
export interface Ask {
  /** Blocks until the index is above; undefined for a plain read. */
  readonly block?: { readonly index: Revision; readonly waitMs: number } | undefined;
  readonly consistency: Consistency;
  /** What the answer is read against, to yield the same objects for what is unchanged. */
  readonly known: Known;
  readonly signal: AbortSignal;
  /** Whether the process must not end before the answer is there. */
  readonly holds: boolean;
}

export interface Asked extends Answer {
  readonly standing: Standing;
  readonly agentsOwn: boolean;
  /** How long this thread worked on it, ms. */
  readonly costMs: number;
}

/** @throws the signal's reason, or WatchError. */
export async function ask(
  { query, anonymous, answerMs, blockedMs, timing }: Asking,
  { connection: { endpoint }, connection }: Lease,
  { block, consistency, known, signal, holds }: Ask,
): Promise<Asked> {
  const blocking = block === undefined ? {} : { index: block.index, wait: `${Math.round(block.waitMs)}ms` };
  let body: BodyReader | undefined;
  const bodyTo = (headers: IncomingHttpHeaders): BodyReader => {
    const index = headers['x-consul-index'];
    // Without an index it is no answer; the next best will do until that is said.
    const before = { known, continued: block !== undefined, index: isIndex(index) ? index : '1' };
    body = new BodyReader(query.boundary, query.decoder(before), timing);
    return body;
  };
  const reply = await connection.call((client, options) => query.send(client, { ...options, ...blocking }), {
    signal,
    timeoutMs: block === undefined ? answerMs : blockedMs,
    holds,
    parameters: consistency.mode === 'default' ? {} : { [consistency.mode]: '' },
    bodyTo,
  });
  const gathered = await body?.gathered();
  const answer = readAnswer(reply, gathered, { query, endpoint, anonymous, wallNow: timing.wallNow() });
  return {
    ...answer,
    standing: standingOf(reply.headers, consistency),
    agentsOwn: isAgentsOwn(reply.headers),
    costMs: body?.costMs ?? 0,
  };
}
