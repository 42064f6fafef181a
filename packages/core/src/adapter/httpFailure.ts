import { type ErrorCode, WatchError } from '../model/errors.js';

/** What is looked at of a response of `fetch`, or of `node:http`. */
export type HttpReply =
  | { readonly status: number; readonly headers: { get(name: string): string | null } }
  | { readonly statusCode?: number | undefined; readonly headers: { readonly 'retry-after'?: string | undefined } };

type Verdict = readonly [code: ErrorCode, advice: string];

const STATUS: Readonly<Record<number, Verdict>> = {
  401: ['UNAUTHENTICATED', 'check the credentials'],
  403: ['FORBIDDEN', 'the credentials are known and may not read or write this'],
  429: ['RATE_LIMITED', 'it asks for fewer requests'],
};
const SERVER_FAILED: Verdict = ['UNAVAILABLE', 'it cannot answer now; see its log'];
const NOT_EXPECTED: Verdict = ['BAD_RESPONSE', 'a proxy, a load balancer or another service may answer in its place'];

/**
 * The error that an HTTP status stands for, with the wait that `Retry-After` asks for. Any 4xx that is not listed is
 * BAD_RESPONSE, also 404: an adapter for whose backend 404 means "no keys" must handle it before.
 * @param who the server, as in the middle of a sentence: `the registry at 10.0.0.5:80`.
 * @param wallNow wall-clock time, ms since the Unix epoch: Retry-After may be a date.
 */
export function httpFailure(reply: HttpReply, who: string, wallNow: number): WatchError {
  const [status = 0, retryAfter] =
    'status' in reply
      ? [reply.status, reply.headers.get('retry-after') ?? undefined]
      : [reply.statusCode, reply.headers['retry-after']];
  const [code, advice] = STATUS[status] ?? (status >= 500 ? SERVER_FAILED : NOT_EXPECTED);
  const wait = retryAfterMs(retryAfter, wallNow);
  const server = who.charAt(0).toUpperCase() + who.slice(1);
  return new WatchError(
    code,
    `${server} answers ${status}: ${advice}.`,
    wait === undefined ? {} : { retryAfterMs: wait },
  );
}

/** Retry-After (RFC 9110, 10.2.3), seconds or a date, as ms from now; undefined when it is neither. */
export function retryAfterMs(header: string | undefined, wallNow: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - wallNow);
}
