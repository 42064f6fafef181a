import { WatchError } from '@rollcall/core';
import type { ConsulConnection } from './connection.js';
import { isJson } from './reply.js';

/** The accessor of the anonymous token (https://developer.hashicorp.com/consul/docs/security/acl/tokens). */
const ANONYMOUS = '00000000-0000-0000-0000-000000000002';
/** The time for this request, ms. */
const ASK_MS = 3_000;

/**
 * Throws for a caller without any token. A caller that gives none may have the agent's default token
 * (`acl.tokens.default`); to a caller with a token, Consul says when it hides something.
 * @param what the target, for the message.
 * @throws WatchError FORBIDDEN, retryable: a service that is not registered yet must not end a watch.
 */
export async function assertHasToken(connection: ConsulConnection, what: string, signal: AbortSignal): Promise<void> {
  const request = { path: '/acl/token/self', parameters: [] };
  const { status, headers, text = '' } = await connection.get(request, { signal, headersMs: ASK_MS, holds: false });
  if (status === 200 && isJson(headers) && accessorOf(text) !== ANONYMOUS) return;
  const why = 'it denies by default and no token was given, so that an empty answer proves nothing; give a token';
  throw new WatchError('FORBIDDEN', `Consul at ${connection.endpoint} does not show all of ${what}: ${why}.`, {
    retryable: true,
  });
}

function accessorOf(text: string): unknown {
  try {
    return (JSON.parse(text) as { AccessorID?: unknown }).AccessorID ?? ANONYMOUS;
  } catch {
    return ANONYMOUS;
  }
}
