import { type ErrorCode, WatchError } from '@rollcall/core';
import { AnswerError } from './answerError.js';

type Verdict = readonly [pattern: RegExp, code: ErrorCode, advice: string];

/** What Node and OpenSSL say when no connection came to be, or none that lasted. */
const CONNECTING: readonly Verdict[] = [
  [/ENOTFOUND|EAI_AGAIN/, 'UNREACHABLE', 'the host name does not resolve'],
  [/ECONNREFUSED/, 'UNREACHABLE', 'nothing listens there'],
  [/before secure TLS connection/i, 'TLS', 'it ended the TLS handshake; does it speak TLS?'],
  [/wrong version number|packet length too long/i, 'TLS', 'it does not speak TLS'],
  [/alert.*(certificate|unknown ca)/i, 'TLS', 'it does not accept the client certificate, or the lack of one'],
  [/expired|not yet valid/i, 'TLS', 'its certificate is out of date, or the clock here is wrong'],
  [/altname/i, 'TLS', 'its certificate is for another name; set tls.servername'],
  [/certificate|self.signed|issuer/i, 'TLS', 'its certificate is not of a known authority; check tls.ca'],
  [/ECONNRESET|EPIPE/, 'UNREACHABLE', 'the connection broke'],
  [/ssl|tls|EPROTO/i, 'TLS', 'the TLS handshake failed'],
];

/**
 * What went wrong with a broker.
 * @param error what dialling, TLS or the questions threw; a WatchError is returned as it is.
 * @param address `host:port`, named in the message.
 */
export function brokerFailure(error: unknown, address: string): WatchError {
  if (error instanceof WatchError || !(error instanceof Error)) return WatchError.from(error);
  if (error instanceof AnswerError) {
    const code = error.code === 'ENDED' ? 'UNREACHABLE' : error.code;
    return new WatchError(code, `The broker at ${address} cannot be asked for its cluster: ${error.message}.`, {
      cause: error,
    });
  }
  const name = 'code' in error ? String(error.code) : '';
  const text = `${name} ${error.message}`.trim();
  const [, code, advice] = CONNECTING.find(([pattern]) => pattern.test(text)) ?? [
    undefined,
    'UNREACHABLE' as const,
    'check address and network',
  ];
  return new WatchError(code, `Cannot connect to the broker at ${address}: ${advice} (${name || text}).`, {
    cause: error,
  });
}
