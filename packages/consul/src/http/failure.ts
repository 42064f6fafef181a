import type { IncomingHttpHeaders } from 'node:http';
import { type ErrorCode, WatchError } from '@rollcall/core';
import { retryAfterMs } from '@rollcall/core/adapter';
import { networkFailure, type Wording } from '@rollcall/core/internal';
import type { Reply } from './reply.js';

type FailureVerdict = readonly [pattern: RegExp, code: ErrorCode, advice: string];

/** Consul's own error texts, which say more than the status. */
const CONSUL: readonly FailureVerdict[] = [
  [/ACL not found/, 'UNAUTHENTICATED', 'it does not know the token, or not any more; check the token'],
  [/Permission denied.*anonymous token/, 'FORBIDDEN', 'give a token that may do this'],
  [/Permission denied/, 'FORBIDDEN', 'give the token a policy that allows this'],
  [/boolean expression|Selector ".*" is not valid/, 'INVALID_URL', 'correct the filter'],
  [/Enterprise feature/, 'INVALID_URL', 'leave namespace and partition out of the URL'],
  [/path traversal|invalid key name/i, 'INVALID_OPTION', 'this Consul does not take such a key'],
  [/too large, max size/, 'INVALID_OPTION', 'make the value smaller or raise limits.kv_max_value_size of the agents'],
  [/HTTP request to an HTTPS server/, 'TLS', 'it speaks TLS; write consuls://'],
  [
    /too many concurrent connections/,
    'RATE_LIMITED',
    'each watch holds a connection; watch fewer targets from this host, or raise limits.http_max_conns_per_client of the agents',
  ],
  [/No path to datacenter/, 'UNAVAILABLE', 'check dc, and whether that datacenter can be reached'],
  [
    /No cluster leader|leadership|not the leader/i,
    'UNAVAILABLE',
    'its servers are electing a leader or lost their quorum',
  ],
];

const STATUS: Readonly<Record<number, readonly [code: ErrorCode, advice: string]>> = {
  401: ['UNAUTHENTICATED', 'check the token, and what a proxy on the way asks for'],
  403: ['FORBIDDEN', 'check the token and its policies'],
  413: ['INVALID_OPTION', 'the value is too large for it or for a proxy on the way'],
  429: ['RATE_LIMITED', 'it asks to slow down; raise its limits if this stays'],
  500: ['UNAVAILABLE', 'see its log'],
  502: ['UNAVAILABLE', 'a proxy on the way cannot reach it'],
  503: ['UNAVAILABLE', 'it cannot serve now'],
  504: ['UNAVAILABLE', 'a proxy on the way got no answer in time; is its timeout above a wait of 55 s?'],
};

const WORDING: Wording = { service: 'Consul', plain: 'write consul://', serverName: 'tls.serverName' };

/** The most characters of an answer's text that a message quotes. */
const QUOTE_LENGTH = 300;

/**
 * The error for an answer that is not the expected one. The response is not kept as a cause: it holds the request with
 * its token.
 * @param endpoint `host:port`, named in the message.
 * @param wallNow wall-clock time, ms since the Unix epoch: Retry-After may be a date.
 */
export function replyFailure({ status, headers, text: body }: Reply, endpoint: string, wallNow: number): WatchError {
  const text = quotable(headers, body);
  const own = CONSUL.find(([pattern]) => text !== undefined && pattern.test(text));
  const [code, advice] = (own?.slice(1) as [ErrorCode, string] | undefined) ??
    STATUS[status] ?? [
      'BAD_RESPONSE' as const,
      status === 400
        ? 'it refuses the request; a key with control characters or a proxy on the way may be why'
        : 'a proxy, a load balancer or another service may answer in its place',
    ];
  const said = text === undefined ? describe(headers) : `says "${text}"`;
  const retryAfter = retryAfterMs(headers['retry-after'], wallNow);
  return new WatchError(code, `Consul at ${endpoint} answers ${status} and ${said}: ${advice}.`, {
    ...(retryAfter !== undefined && { retryAfterMs: retryAfter }),
  });
}

/** The error for a missing answer. A WatchError is returned as it is. */
export function transportFailure(error: unknown, endpoint: string): WatchError {
  if (error instanceof WatchError || !(error instanceof Error)) return WatchError.from(error);
  const text = `${codeOf(error)} ${error.message}`.trim();
  const known = networkFailure(text, WORDING);
  if (known === undefined && codeOf(error) === '') {
    return new WatchError('INTERNAL', `The request to Consul at ${endpoint} failed: ${error.message}`);
  }
  const { code, why } = known ?? { code: 'UNREACHABLE' as const, why: 'check address and network' };
  const what = why === 'the connection broke' ? 'No whole answer from' : 'Cannot connect to';
  // A cause of our own: the client's error may hold the response, and that the request with its token.
  const cause = Object.assign(new Error(error.message), { code: codeOf(error) });
  return new WatchError(code, `${what} Consul at ${endpoint}: ${why} (${text}).`, { cause });
}

/** Whether no request can have been sent, so that a write may be tried elsewhere without being done twice. */
export function neverSent({ cause }: WatchError): boolean {
  if (!(cause instanceof Error)) return false;
  return networkFailure(`${codeOf(cause)} ${cause.message}`, WORDING)?.neverSent ?? false;
}

/** The answer's text, if it is plain text, as Consul's is. Go's own server sends no type with it. */
function quotable(headers: IncomingHttpHeaders, body: string | undefined): string | undefined {
  const isText = body !== undefined && /^(text\/plain|$)/i.test(headers['content-type'] ?? '');
  if (!isText || body.trim() === '') return undefined;
  const line = body.replace(/\s+/g, ' ').trim();
  return line.length > QUOTE_LENGTH ? `${line.slice(0, QUOTE_LENGTH)}…` : line;
}

function describe(headers: IncomingHttpHeaders): string {
  const type = headers['content-type'];
  return type === undefined ? 'no text' : `sends ${type}`;
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}
