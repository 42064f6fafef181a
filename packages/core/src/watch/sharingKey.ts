import type { Location } from '../adapter/source.js';
import type { ConnectOptions } from '../model/options.js';

/**
 * A text that is equal for watches that can share a source: same cluster, same credentials and options. It holds
 * secrets, so never print it.
 */
export function sourceKey({ cluster }: Location, connect: ConnectOptions): string {
  const { username, password, token, tls, maxMessageBytes, maxProofAgeMs, adapterOptions } = connect;
  const { ca, cert, key, serverName, insecureSkipVerify } = tls ?? {};
  const verified = [ca, cert, key, serverName, insecureSkipVerify];
  return JSON.stringify([
    cluster,
    username,
    password,
    token,
    ...verified,
    maxMessageBytes,
    maxProofAgeMs,
    adapterOptions,
  ]);
}
