import type { IncomingHttpHeaders } from 'node:http';
import { type ErrorCode, WatchError } from '@rollcall/core';
import type { Reply } from './client.js';

type Verdict = readonly [pattern: RegExp, code: ErrorCode, advice: string];

/** Consul's own words: they say more than the status beside them. */
const CONSUL: readonly Verdict[] = [
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

/** What Node and OpenSSL say when no answer came. */
const TRANSPORT: readonly Verdict[] = [
  [/wrong version number|packet length too long/i, 'TLS', 'it does not speak TLS; write consul:// or enable TLS there'],
  [
    /alert.*(certificate|unknown ca)|bad certificate/i,
    'TLS',
    'it does not accept the client certificate, or the lack of one; check tls.cert and tls.key',
  ],
  [/before secure TLS connection/i, 'TLS', 'it ended the TLS handshake; does it speak TLS?'],
  [/expired|not yet valid/i, 'TLS', 'its certificate is out of date, or the clock here is wrong'],
  [/altname/i, 'TLS', 'its certificate is for another name; set tls.serverName'],
  [/certificate|self.signed|issuer/i, 'TLS', 'its certificate is not of a known authority; check tls.ca'],
  [/ssl|tls|EPROTO/i, 'TLS', 'the TLS handshake failed'],
  [/ENOTFOUND|EAI_AGAIN/, 'UNREACHABLE', 'the host name does not resolve'],
  [/HPE_/, 'BAD_RESPONSE', 'it does not speak HTTP'],
  [/ECONNREFUSED/, 'UNREACHABLE', 'nothing listens there; is Consul running, is the port right?'],
  [/ECONNRESET|EPIPE|socket hang up|aborted/, 'UNREACHABLE', 'the connection broke'],
];

/** Codes of failures to connect: nothing can have been sent. */
const NEVER_SENT = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/;

/** At most this much of an answer's text is quoted. */
const QUOTE_LENGTH = 300;

/**
 * What an answer other than the expected one means. Its response goes nowhere: it holds the request with its token.
 * @param endpoint `host:port`, named in the message.
 * @param wallNow wall-clock time, ms since the Unix epoch: Retry-After may be a date.
 */
export function replyFailure({ status, headers, body }: Reply, endpoint: string, wallNow: number): WatchError {
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

/** What it means that no answer came. A WatchError is returned as it is. */
export function transportFailure(error: unknown, endpoint: string): WatchError {
  if (error instanceof WatchError || !(error instanceof Error)) return WatchError.from(error);
  const text = `${codeOf(error)} ${error.message}`;
  const verdict = TRANSPORT.find(([pattern]) => pattern.test(text));
  if (verdict === undefined && codeOf(error) === '') {
    return new WatchError('INTERNAL', `The consul client failed: ${error.message}`);
  }
  const [, code, advice] = verdict ?? [undefined, 'UNREACHABLE' as const, 'check address and network'];
  const what = advice === 'the connection broke' ? 'No whole answer from' : 'Cannot connect to';
  // A cause of its own: the client's may hold the response, which holds the request with its token.
  const cause = Object.assign(new Error(error.message), { code: codeOf(error) });
  return new WatchError(code, `${what} Consul at ${endpoint}: ${advice} (${text.trim()}).`, { cause });
}

/** Whether no request can have left, so that a write may be tried elsewhere without being done twice. */
export function neverSent({ cause }: WatchError): boolean {
  return cause instanceof Error && NEVER_SENT.test(codeOf(cause));
}

/** Retry-After (RFC 9110, 10.2.3), seconds or a date, as ms from now; undefined when it is neither. */
export function retryAfterMs(header: string | undefined, wallNow: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - wallNow);
}

/** Only plain text is Consul's. Go's own server gives no type with it. */
function quotable(headers: IncomingHttpHeaders, body: unknown): string | undefined {
  const isText = typeof body === 'string' && /^(text\/plain|$)/i.test(headers['content-type'] ?? '');
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
