import type { ErrorCode } from '../model/errors.js';

/** How a backend's users name what they can change. */
export interface Wording {
  /** `Consul` */
  readonly service: string;
  /** What to write for a server that turns out to speak no TLS: `write consul://`. */
  readonly plain: string;
  /** The option for the name to verify: `tls.serverName`. */
  readonly serverName: string;
}

export interface NetworkFailure {
  readonly code: ErrorCode;
  /** What it means and what to do, as a part of a sentence about the server. */
  readonly why: string;
  /** No byte can have reached the server: a write may be tried elsewhere without being done twice. */
  readonly neverSent: boolean;
}

type FailureRow = readonly [pattern: RegExp, code: ErrorCode, why: (wording: Wording) => string];

/**
 * What Node (errno), OpenSSL and grpc-js say when a connection fails. Host names come first: a name may hold any of the
 * words below it (`tls-certificate.internal`).
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

/** What a failure of the network means. @param text the error's code and message; undefined for what is none. */
export function networkFailure(text: string, wording: Wording): NetworkFailure | undefined {
  const row = ROWS.find(([pattern]) => pattern.test(text));
  return row && { code: row[1], why: row[2](wording), neverSent: NEVER_SENT.test(text) };
}
