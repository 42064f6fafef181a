import type { ConnectOptions, Location, Target } from '../adapter/source.js';

/** Equal for watches that can share a source: one cluster, and equal credentials and TLS. Holds secrets: never shown. */
export function sourceKey({ cluster }: Location, connect: ConnectOptions): string {
  const { username, password, token, tls, maxMessageBytes } = connect;
  const { ca, cert, key, serverName, insecureSkipVerify } = tls ?? {};
  const verified = [ca, cert, key, serverName, insecureSkipVerify];
  return JSON.stringify([cluster, username, password, token, ...verified, maxMessageBytes]);
}

/** Equal for equal targets; JSON. */
export function targetKey({ prefix, exact, query }: Target): string {
  const pairs = Object.entries(query ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([prefix, exact ?? false, pairs]);
}
