// @ts-check
import { existsSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../run.mjs';

/** How long both certificates are valid, in days: what Consul gives an authority by default (a server gets a year). */
const DAYS = '1825';

/**
 * A certificate authority and one server certificate for 127.0.0.1 and localhost, made by Consul itself, once. The
 * authority's key is not kept: nothing else is ever signed.
 *
 * @param {string} install install folder
 * @param {string} folder where they go; it appears with all its files or not at all
 * @returns {Promise<import('./server.mjs').ConsulTls>}
 */
export async function makeCertificates(install, folder) {
  if (!existsSync(folder)) await make(join(install, 'consul'), folder);
  return {
    caFile: join(folder, 'ca.pem'),
    certFile: join(folder, 'server.pem'),
    keyFile: join(folder, 'server-key.pem'),
  };
}

/**
 * @param {string} binary
 * @param {string} folder
 */
async function make(binary, folder) {
  const temporary = await mkdtemp(`${folder}-`);
  const path = (/** @type {string} */ name) => join(temporary, name);
  try {
    await run(binary, ['tls', 'ca', 'create', `-days=${DAYS}`], { cwd: temporary });
    await run(binary, ['tls', 'cert', 'create', '-server', `-days=${DAYS}`], { cwd: temporary });
    await rm(path('consul-agent-ca-key.pem'));
    await rename(path('consul-agent-ca.pem'), path('ca.pem'));
    await rename(path('dc1-server-consul-0.pem'), path('server.pem'));
    await rename(path('dc1-server-consul-0-key.pem'), path('server-key.pem'));
    await rename(temporary, folder);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}
