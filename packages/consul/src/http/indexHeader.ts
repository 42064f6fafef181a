import { type Revision, WatchError } from '@rollcall/core';

/**
 * The answer's X-Consul-Index, at least 1. Text and never a JavaScript number: it counts to 2^64.
 * @throws WatchError BAD_RESPONSE when it is missing or 0: a query that blocks on 0 returns at once, and spins.
 */
export function indexOf(header: string | readonly string[] | undefined, endpoint: string): Revision {
  if (isIndex(header)) return header;
  const what = header === undefined ? 'has no X-Consul-Index' : `has the X-Consul-Index ${JSON.stringify(header)}`;
  throw new WatchError(
    'BAD_RESPONSE',
    `The answer of ${endpoint} ${what}: a proxy, a load balancer or another service may answer in Consul's place.`,
  );
}

export function isIndex(header: unknown): header is Revision {
  return typeof header === 'string' && /^[1-9]\d*$/.test(header);
}
