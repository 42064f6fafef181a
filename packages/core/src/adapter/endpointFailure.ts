import { type ErrorCode, WatchError } from '../model/errors.js';

/** Errors that another endpoint of the same cluster may not have. */
const OF_THE_ENDPOINT: ReadonlySet<ErrorCode> = new Set([
  'BAD_RESPONSE',
  'ENDED',
  'INTERNAL',
  'RATE_LIMITED',
  'SILENT',
  'TIMEOUT',
  'TLS',
  'UNAVAILABLE',
  'UNREACHABLE',
]);

/** Of these, the errors that say that nobody answers, or nobody who can: a dial shows when that is over. */
const LINK_FAILURES: ReadonlySet<ErrorCode> = new Set(['ENDED', 'SILENT', 'TIMEOUT', 'UNAVAILABLE', 'UNREACHABLE']);

/** Whether a failure may be the endpoint's own, so that it is worth trying another: not so a wrong password. */
export function isOfTheEndpoint(error: WatchError): boolean {
  return OF_THE_ENDPOINT.has(error.code);
}

/** Whether the error says that nobody answers, and asks for no patience. */
export function isLinkFailure(error: WatchError): boolean {
  return LINK_FAILURES.has(error.code) && !asksForPatience(error);
}

/** Whether the endpoint answers, and asks to be left alone. */
export function asksForPatience({ code, retryAfterMs }: WatchError): boolean {
  return code === 'RATE_LIMITED' || retryAfterMs !== undefined;
}

/** The same error, by one who paces the next attempt. @param dueInMs until the backend is tried again, ms. */
function paced(error: WatchError, dueInMs: number): WatchError {
  return new WatchError(error.code, error.message, { cause: error.cause ?? error, pacedMs: dueInMs });
}

/**
 * The failure of one endpoint where another can be tried at once. TLS is fatal by itself, but one member's bad
 * certificate must not end what the others can serve; and one member's Retry-After does not hold up the others.
 * @param pacedMs until the other is tried, ms.
 */
export function tryAnother(error: WatchError, pacedMs: number): WatchError {
  return error.retryable
    ? paced(error, pacedMs)
    : new WatchError('UNREACHABLE', error.message, { cause: error, pacedMs });
}

/**
 * The failure of all endpoints. Of a single one it is that one's; of several NO_HEALTHY_ENDPOINT with the last error of
 * each, or the fatal error when all have a fatal one.
 */
export function noEndpointWorks(
  failures: readonly { readonly endpoint: string; readonly error: WatchError | undefined }[],
  latest: WatchError,
  wait: { readonly retryAfterMs?: number; readonly pacedMs?: number },
): WatchError {
  if (failures.length === 1 || failures.every(({ error }) => error?.retryable === false)) {
    return latest.retryable
      ? new WatchError(latest.code, latest.message, { cause: latest.cause ?? latest, ...wait })
      : latest;
  }
  const each = failures.map(({ endpoint, error }) => said(endpoint, error)).join('; ');
  return new WatchError('NO_HEALTHY_ENDPOINT', `No endpoint works (${each}).`, { cause: latest, ...wait });
}

/** The error's message as a part of a sentence, with the endpoint where the message names none. */
function said(endpoint: string, error: WatchError | undefined): string {
  const message = error?.message.replace(/\.$/, '') ?? 'not tried lately';
  return message.includes(endpoint) ? message : `${endpoint}: ${message}`;
}
