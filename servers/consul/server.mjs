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
 * The configuration file of one Consul server that keeps its state on disk (unlike `-dev`), as an object for JSON.
 *
 * @param {object} agent
 * @param {string} agent.name
 * @param {string} agent.dataDir
 * @param {{ http: number, https?: number, server: number, serf: number }} agent.ports http -1 turns it off
 * @param {number} [agent.servers] how many servers elect the first leader; 1 unless given
 * @param {readonly string[]} [agent.join] `host:port` of the others' serf
 * @param {Readonly<Record<string, unknown>>} [agent.config] more top-level fields, or others
 */
export function consulConfig({ name, dataDir, ports, servers = 1, join: others = [], config = {} }) {
  return {
    server: true,
    bootstrap_expect: servers,
    node_name: name,
    data_dir: dataDir,
    bind_addr: '127.0.0.1',
    client_addr: '127.0.0.1',
    ports: {
      http: ports.http,
      https: ports.https ?? -1,
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
    ...config,
  };
}

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
