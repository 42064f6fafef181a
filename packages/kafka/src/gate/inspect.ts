import type { Duplex } from 'node:stream';
import type { BrokerAddress } from '@rollcall/core';
import { AnswerError } from './answerError.js';
import { readFrame } from './frames.js';
import { login, type SaslAsk } from './login.js';
import {
  API_VERSIONS,
  type Api,
  decodeApiVersions,
  decodeMetadata,
  decodeResponse,
  encodeMetadata,
  encodeRequest,
  METADATA,
  metadataVersion,
} from './messages.js';
import type { ClusterView, SaslOptions } from './types.js';

export interface InspectOptions {
  /** The address that was dialled. */
  readonly address: BrokerAddress;
  /** The login, if the listener wants one. */
  readonly sasl?: SaslOptions | undefined;
  readonly signal: AbortSignal;
}

/**
 * Asks the broker at the other end of an open connection for its cluster. Without `sasl` the connection can be used as
 * new afterwards: no byte beyond the answers is read, no listener stays, and these requests leave no state in a broker.
 * @throws AnswerError; the stream's error; the signal's reason. The stream cannot be used then.
 */
export async function inspect(stream: Duplex, { address, sasl, signal }: InspectOptions): Promise<ClusterView> {
  let asked: Api | undefined;
  let correlationId = 0;
  const ask: SaslAsk = async (api, version, body) => {
    asked = api;
    correlationId++;
    stream.write(encodeRequest(api, version, correlationId, body));
    return decodeResponse(await readFrame(stream, signal), correlationId);
  };
  try {
    const versions = decodeApiVersions(await ask(API_VERSIONS, 0, Buffer.alloc(0)));
    if (sasl !== undefined) await login(ask, sasl, { host: address.host, port: address.port, signal });
    return decodeMetadata(await ask(METADATA, metadataVersion(versions), encodeMetadata()));
  } catch (error) {
    // A SASL listener answers ApiVersions, and closes the connection at any other request before a login.
    if (asked === METADATA && sasl === undefined && isHangUp(error)) {
      throw new AnswerError(
        'it hangs up when asked for its cluster, as if it wanted a login: give "sasl" ' +
          '(with "authenticate" for a mechanism other than plain and scram)',
        'UNAUTHENTICATED',
      );
    }
    throw error;
  }
}

/** Whether the peer ended the connection, by a FIN or a reset. */
function isHangUp(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^(ENDED|ECONNRESET|EPIPE)$/.test(String(error.code));
}
