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

/** The errors among them that mean that nobody answers: a dial shows when that is over. */
const LINK_FAILURES: ReadonlySet<ErrorCode> = new Set(['ENDED', 'SILENT', 'TIMEOUT', 'UNAVAILABLE', 'UNREACHABLE']);

/** Whether the failure may be the endpoint's own, so that another endpoint is worth a try. A wrong password is not. */
export function isOfTheEndpoint(error: WatchError): boolean {
  return OF_THE_ENDPOINT.has(error.code);
}

/** Whether the error means that nobody answers, and asks for no wait. */
export function isLinkFailure(error: WatchError): boolean {
  return LINK_FAILURES.has(error.code) && !asksForPatience(error);
}

/** Whether the endpoint answers and asks for a wait. */
export function asksForPatience({ code, retryAfterMs }: WatchError): boolean {
  return code === 'RATE_LIMITED' || retryAfterMs !== undefined;
}

/**
 * A copy of the error with `pacedMs`: the adapter paces the next attempt. @param dueInMs time until the backend is
 * asked again, ms.
 */
function paced(error: WatchError, dueInMs: number): WatchError {
  return new WatchError(error.code, error.message, { cause: error.cause ?? error, pacedMs: dueInMs });
}

/**
 * The error for a failure of one endpoint while another can be tried at once. It is retryable, also for TLS: one
 * member's bad certificate must not end a watch that the others can serve. One member's Retry-After is dropped, because
 * it must not hold up the others.
 * @param pacedMs time until the other endpoint is tried, ms.
 */
export function tryAnother(error: WatchError, pacedMs: number): WatchError {
  return error.retryable
    ? paced(error, pacedMs)
    : new WatchError('UNREACHABLE', error.message, { cause: error, pacedMs });
}

/**
 * The error for a failure of all endpoints. With one endpoint it is that endpoint's error. With several it is
 * NO_HEALTHY_ENDPOINT, which lists the last error of each; or the fatal error, if all have a fatal one.
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

/** The error's message as a part of a sentence; with the endpoint, if the message does not name it. */
function said(endpoint: string, error: WatchError | undefined): string {
  const message = error?.message.replace(/\.$/, '') ?? 'not tried lately';
  return message.includes(endpoint) ? message : `${endpoint}: ${message}`;
}
