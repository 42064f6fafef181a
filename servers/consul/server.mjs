// @ts-check
import { join } from 'node:path';
import { request } from '../http.mjs';
import { goVersion, lockFile } from '../pins.mjs';

const goMod = lockFile('consul/go.mod');
const version = goVersion(goMod, 'github.com/hashicorp/consul');

/** @type {import('../types.mjs').Server} */
export const consul = {
  name: 'consul',
  version,
  image: `hashicorp/consul:${version}`,
  variable: 'ROLLCALL_CONSUL',
  port: 8500,
  locks: [goMod, lockFile('consul/go.sum')],
  binary: 'consul',
  // Minutes of every core: whatever else runs meanwhile goes first.
  niceness: 15,
  build: { tool: 'go', folder: lockFile('consul'), packages: { consul: 'github.com/hashicorp/consul' } },
  copies: [{ from: '/bin/consul', to: 'consul' }],
};

/**
 * Ports of one server on 127.0.0.1.
 *
 * @typedef {object} ConsulPorts
 * @property {number} api HTTP, or HTTPS with TLS
 * @property {number} server RPC between agents
 * @property {number} serf LAN gossip
 */

/**
 * PEM files that make a server speak HTTPS.
 *
 * @typedef {object} ConsulTls
 * @property {string} caFile
 * @property {string} certFile
 * @property {string} keyFile
 * @property {boolean} [verifyClients] refuse clients that have no certificate of this CA; false unless given
 */

/**
 * @typedef {object} ConsulAgent
 * @property {string} name
 * @property {string} dataDir
 * @property {ConsulPorts} ports
 * @property {number} [servers] how many servers elect the first leader; 1 unless given
 * @property {readonly string[]} [join] `host:port` of the others' serf
 * @property {string | undefined} [token] access control with default policy `deny`; this token may do everything
 * @property {ConsulTls | undefined} [tls] HTTPS instead of HTTP
 * @property {Readonly<Record<string, unknown>>} [config] more top-level fields, or others
 */

/**
 * The configuration file of one Consul server that keeps its state on disk (unlike `-dev`), as an object for JSON.
 *
 * @param {ConsulAgent} agent
 */
export function consulConfig({ name, dataDir, ports, servers = 1, join: others = [], token, tls, config = {} }) {
  return {
    server: true,
    bootstrap_expect: servers,
    node_name: name,
    data_dir: dataDir,
    bind_addr: '127.0.0.1',
    client_addr: '127.0.0.1',
    ports: {
      http: tls ? -1 : ports.api,
      https: tls ? ports.api : -1,
      server: ports.server,
      serf_lan: ports.serf,
      serf_wan: -1,
      dns: -1,
      grpc: -1,
      grpc_tls: -1,
    },
    retry_join: others,
    retry_interval: '200ms',
    // 5 by default, for slow machines: elections then take up to 10 s.
    performance: { raft_multiplier: 1 },
    connect: { enabled: false },
    peering: { enabled: false },
    disable_update_check: true,
    ...(token && { acl: { enabled: true, default_policy: 'deny', tokens: { initial_management: token } } }),
    ...(tls && { tls: { https: httpsConfig(tls) } }),
    ...config,
  };
}

/** @param {ConsulTls} tls */
const httpsConfig = ({ caFile, certFile, keyFile, verifyClients = false }) => ({
  ca_file: caFile,
  cert_file: certFile,
  key_file: keyFile,
  verify_incoming: verifyClients,
});

/**
 * @param {number} port
 * @param {unknown} tls truthy when the port speaks HTTPS
 */
export const consulUrl = (port, tls) => `${tls ? 'https' : 'http'}://127.0.0.1:${port}`;

/**
 * @param {string | undefined} token
 * @returns {Record<string, string>}
 */
export const tokenHeader = (token) => (token ? { 'X-Consul-Token': token } : {});

/**
 * @param {string} folder install folder
 * @param {string} configFile path of a JSON file
 * @returns {import('../types.mjs').Launch}
 */
export const launchConsul = (folder, configFile) => ({
  command: join(folder, 'consul'),
  args: ['agent', `-config-file=${configFile}`],
});

/**
 * Whether an agent knows a leader and a write goes through; it leaves no key behind.
 *
 * @param {string} url
 * @param {import('../http.mjs').RequestOptions} [options]
 */
export async function consulReady(url, options = {}) {
  const leader = await request(`${url}/v1/status/leader`, options);
  if (leader.status !== 200 || leader.body.trim() === '""') return false;
  const key = `${url}/v1/kv/rollcall-ready`;
  const written = await request(key, { ...options, method: 'PUT' });
  if (written.status !== 200) return false;
  return (await request(key, { ...options, method: 'DELETE' })).status === 200;
}
