// @ts-check
import { join } from 'node:path';
import { installFolder } from './cache.mjs';
import { serverNamed } from './catalog.mjs';
import { ServersError } from './errors.mjs';
import { ensureInstalled, isInstalled } from './install.mjs';

/**
 * The install folder of a server, which is installed first when it is missing.
 *
 * @param {import('./types.mjs').ServerName} name
 * @param {Partial<import('./install.mjs').InstallOptions>} [options] silent without a log
 * @returns {Promise<string>}
 */
export function ensure(name, { log = () => {}, ...options } = {}) {
  return ensureInstalled(serverNamed(name), { log, ...options });
}

/**
 * The one path of an installed server that scripts want: the binary of etcd and of Consul, the folder of Kafka.
 *
 * @param {import('./types.mjs').ServerName} name
 * @returns {string}
 * @throws {ServersError} with the command to run when it is not installed
 */
export function pathOf(name) {
  const server = serverNamed(name);
  if (!isInstalled(server)) {
    throw new ServersError(`${name} ${server.version} is not installed: npm run servers -- install ${name}`);
  }
  const folder = installFolder(server);
  return server.binary === undefined ? folder : join(folder, server.binary);
}
