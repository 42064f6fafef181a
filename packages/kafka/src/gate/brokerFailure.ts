import { WatchError } from '@rollcall/core';
import { networkFailure, type Wording } from '@rollcall/core/internal';
import { AnswerError } from './answerError.js';

const WORDING: Wording = { service: 'Kafka', plain: 'leave "tls" out', serverName: 'tls.servername' };

/**
 * Makes the error for a broker that failed.
 * @param error what the dial, the TLS handshake or the requests threw; a WatchError is returned as it is.
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
  const { code, why } = networkFailure(text, WORDING) ?? {
    code: 'UNREACHABLE' as const,
    why: 'check address and network',
  };
  return new WatchError(code, `Cannot connect to the broker at ${address}: ${why} (${name || text}).`, {
    cause: error,
  });
}
