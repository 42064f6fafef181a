import { type Logger, WatchError } from '@rollcall/core';
import type { ConsulConnection } from './connection.js';
import { isJson } from './reply.js';

/** The time for the request of the version, ms. */
const ASK_MS = 3_000;

/** Finds the version in an answer of `/v1/agent/self`: `Config` is its first field, and holds only short texts. */
const VERSION = /^\{\s*"Config":\s*\{[^{}]*"Version":\s*"(\d+)\.(\d+)\.[^"]{0,30}"/;

/**
 * Warns of servers that filter answers by access rules without a sign: Consul before 1.12 does not send
 * `X-Consul-Results-Filtered-By-ACLs` for every endpoint, so a token that loses a right looks like deleted keys. Silent
 * if the token may not read the version (`agent:read`).
 */
export async function warnOfSilentFilters(
  connection: ConsulConnection,
  signal: AbortSignal,
  logger: Logger,
): Promise<void> {
  try {
    const request = { path: '/agent/self', parameters: [] };
    const { status, headers, text = '' } = await connection.get(request, { signal, headersMs: ASK_MS, holds: false });
    if (status !== 200 || !isJson(headers)) return;
    const version = filtersSilently(text);
    if (version === undefined) return;
    const { endpoint } = connection;
    logger.warn(
      { endpoint, version },
      `Consul ${version} at ${endpoint} does not say when access rules hide a part of an answer: keys and instances that the token may no longer read look deleted. Use Consul 1.12 or newer, or give a token that may read all that is watched.`,
    );
  } catch (error) {
    // The watch itself reports a failed link.
    logger.debug({ error: WatchError.from(error).message }, 'The version of Consul is not known.');
  }
}

/** @returns the version as major.minor, if it filters without a sign. */
export function filtersSilently(agentSelf: string): string | undefined {
  const [, major, minor] = VERSION.exec(agentSelf) ?? [];
  if (major === undefined || minor === undefined) return undefined;
  return Number(major) > 1 || Number(minor) >= 12 ? undefined : `${major}.${minor}`;
}
