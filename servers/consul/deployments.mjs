// @ts-check
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeCertificates } from './certificates.mjs';
import { consul, consulConfig, consulReady, consulUrl, launchConsul, tokenHeader } from './server.mjs';

/** @typedef {import('./server.mjs').ConsulPorts} ConsulPorts */
/** @typedef {import('../types.mjs').Deployment} Deployment */

/** In the run folder of `consul-acl`: the management token. */
const TOKEN_FILE = 'token';
/** In the run folder of `consul-tls`: ca.pem and what the server needs. */
const TLS_FOLDER = 'tls';

/**
 * The ports of one Consul server: Consul's own 8500 (HTTP API), 8300 (RPC) and 8301 (LAN gossip), moved up so that
 * several run side by side (developer.hashicorp.com/consul/docs/reference/architecture/ports).
 *
 * @param {number} offset
 * @returns {ConsulPorts}
 */
export const consulPorts = (offset) => ({ api: 8500 + offset, server: 8300 + offset, serf: 8301 + offset });

/**
 * One server that everybody may use.
 *
 * @param {ConsulPorts} ports
 * @returns {Deployment}
 */
export const consulAlone = (ports) => ({
  name: 'consul',
  server: consul,
  standard: true,
  instances: [{ name: 'consul', port: ports.api, prepare: (places) => prepare(places, { ports }) }],
});

/**
 * Servers of one datacenter, as many as there are ports.
 *
 * @param {readonly ConsulPorts[]} ports
 * @returns {Deployment}
 */
export function consulCluster(ports) {
  const peers = ports.map(({ serf }) => `127.0.0.1:${serf}`);
  const instances = ports.map((own, index) => ({
    name: `consul-cluster/${index + 1}`,
    port: own.api,
    prepare: (/** @type {import('../types.mjs').Places} */ places) =>
      prepare(places, { name: `rollcall-${index + 1}`, ports: own, servers: ports.length, join: peers }),
  }));
  return { name: 'consul-cluster', server: consul, standard: false, instances };
}

/**
 * One server that refuses all that the management token, or a token made with it, does not allow.
 *
 * @param {ConsulPorts} ports
 * @returns {Deployment}
 */
export const consulAcl = (ports) => ({
  name: 'consul-acl',
  server: consul,
  standard: false,
  credentials: TOKEN_FILE,
  instances: [
    {
      name: 'consul-acl',
      port: ports.api,
      prepare: async (places) => prepare(places, { ports, token: await managementToken(places.folder) }),
    },
  ],
});

/**
 * One server that speaks HTTPS only, with a certificate of an authority of its own.
 *
 * @param {ConsulPorts} ports
 * @returns {Deployment}
 */
export const consulTls = (ports) => ({
  name: 'consul-tls',
  server: consul,
  standard: false,
  credentials: TLS_FOLDER,
  instances: [
    {
      name: 'consul-tls',
      port: ports.api,
      prepare: async (places) => {
        const folder = join(places.folder, TLS_FOLDER);
        return prepare(places, { ports, tls: await makeCertificates(places.install, folder) });
      },
    },
  ],
});

/**
 * @param {import('../types.mjs').Places} places
 * @param {Omit<import('./server.mjs').ConsulAgent, 'name' | 'dataDir'> & { name?: string }} agent
 * @returns {Promise<import('../types.mjs').Prepared>}
 */
async function prepare({ install, folder, dataDir }, { name = 'rollcall', ...agent }) {
  const configFile = join(folder, 'consul.json');
  await writeFile(configFile, JSON.stringify(consulConfig({ name, dataDir, ...agent }), null, 2));
  const { ports, token, tls } = agent;
  const options = { headers: tokenHeader(token), ...(tls && { tls: { ca: await readFile(tls.caFile) } }) };
  const url = consulUrl(ports.api, tls);
  return { launch: launchConsul(install, configFile), ready: () => consulReady(url, options) };
}

/**
 * The same for every start: it is in the data too.
 *
 * @param {string} folder
 */
async function managementToken(folder) {
  const file = join(folder, TOKEN_FILE);
  if (!existsSync(file)) {
    // Never a file cut short: an empty token would be a server without access control.
    await writeFile(`${file}.new`, randomUUID(), { mode: 0o600 });
    await rename(`${file}.new`, file);
  }
  return readFile(file, 'utf8');
}
