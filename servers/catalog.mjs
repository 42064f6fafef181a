// @ts-check
import { consul } from './consul/server.mjs';
import { coredns } from './coredns/server.mjs';
import { UsageError } from './errors.mjs';
import { etcd, etcd35, etcd37 } from './etcd/server.mjs';
import { kafka } from './kafka/server.mjs';

/** Every server, in the order in which to install them: what tests need first comes first. */
export const servers = [kafka, etcd, consul, etcd35, etcd37, coredns];

/**
 * @param {string} name
 * @returns {import('./types.mjs').Server}
 * @throws {UsageError} listing the names there are
 */
export function serverNamed(name) {
  const server = servers.find((candidate) => candidate.name === name);
  if (server) return server;
  throw new UsageError(`there is no server "${name}"; the servers are ${servers.map((one) => one.name).join(', ')}`);
}
