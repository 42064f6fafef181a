import { type ErrorCode, WatchError } from '../model/errors.js';

/** The words for one backend. */
export interface Wording {
  /** The backend's name: `Consul`. */
  readonly service: string;
  /** The advice for a server that speaks no TLS: `write consul://`. */
  readonly plain: string;
  /** The option for the certificate's name: `tls.serverName`. */
  readonly serverName: string;
}

export interface NetworkFailure {
  readonly code: ErrorCode;
  /** What the failure means and what to do, as a part of a sentence about the server. */
  readonly why: string;
  /** True if no byte can have reached the server: a write may be tried elsewhere without being done twice. */
  readonly neverSent: boolean;
}

type FailureRow = readonly [pattern: RegExp, code: ErrorCode, why: (wording: Wording) => string];

/**
 * The messages of Node (errno), OpenSSL and grpc-js for failed connections. Host names come first: a name may hold any
 * of the words below (`tls-certificate.internal`).
 */
const ROWS: readonly FailureRow[] = [
  [/ENOTFOUND|EAI_AGAIN|name resolution/i, 'UNREACHABLE', () => 'the host name does not resolve'],
  [/ECONNREFUSED/, 'UNREACHABLE', ({ service }) => `nothing listens there; is ${service} running, is the port right?`],
  [/ETIMEDOUT/, 'UNREACHABLE', () => 'nobody answers there; check address, network and firewall'],
  [/EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL/, 'UNREACHABLE', () => 'check address and network'],
  [/before secure TLS connection/i, 'TLS', () => 'it ended the TLS handshake; does it speak TLS?'],
  [
    /wrong version number|packet length too long/i,
    'TLS',
    ({ plain }) => `it does not speak TLS; ${plain} or enable TLS there`,
  ],
  [
    /alert.*(certificate|unknown ca)|bad certificate/i,
    'TLS',
    () => 'it does not accept the client certificate, or the lack of one; check tls.cert and tls.key',
  ],
  [/expired|not yet valid/i, 'TLS', () => "check the dates of the server's certificate, and the clock here"],
  [/altname/i, 'TLS', ({ serverName }) => `its certificate is for another name; set ${serverName}`],
  [/certificate|self.signed|issuer/i, 'TLS', () => 'its certificate is not of a known authority; check tls.ca'],
  [/ECONNRESET|EPIPE|socket hang up|aborted/, 'UNREACHABLE', () => 'the connection broke'],
  [/SSL|TLS|EPROTO/i, 'TLS', () => 'the TLS handshake failed'],
  [/HPE_/, 'BAD_RESPONSE', () => 'it does not speak HTTP'],
  [
    /Protocol error/,
    'BAD_RESPONSE',
    ({ service }) => `something else than ${service} answers there; is the port right?`,
  ],
];

const NEVER_SENT = /ENOTFOUND|EAI_AGAIN|name resolution|ECONNREFUSED|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL/i;

/**
 * Explains a network failure. @param text the error's code and message. @returns undefined if it is no known network
 * failure.
 */
export function networkFailure(text: string, wording: Wording): NetworkFailure | undefined {
  const row = ROWS.find(([pattern]) => pattern.test(text));
  return row && { code: row[1], why: row[2](wording), neverSent: NEVER_SENT.test(text) };
}

/**
 * What a request threw, as a WatchError: a network failure of `fetch` or `node:http` as UNREACHABLE or TLS, text that is
 * no JSON as BAD_RESPONSE. A WatchError stays as it is; anything else is INTERNAL, a defect.
 * @param who the server, in the middle of a sentence: `the registry at 10.0.0.5:80`.
 */
export function requestFailure(error: unknown, who: string): WatchError {
  if (error instanceof WatchError || !(error instanceof Error)) return WatchError.from(error);
  // Without the cause: V8 quotes the text that is not JSON.
  if (error instanceof SyntaxError) return new WatchError('BAD_RESPONSE', `The answer of ${who} is not JSON.`);
  const wording: Wording = { service: who, plain: 'use its URL without TLS', serverName: 'tls.serverName' };
  // fetch hides the reason in the cause of its TypeError.
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const text = `${'code' in cause ? cause.code : ''} ${cause.message}`.trim();
    const failure = networkFailure(text, wording);
    if (failure !== undefined) {
      return new WatchError(failure.code, `Cannot reach ${who}: ${failure.why} (${text}).`, { cause: error });
    }
  }
  return WatchError.from(error);
}
