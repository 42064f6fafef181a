// @ts-check
import { join } from 'node:path';
import { request } from '../http.mjs';
import { goVersion, lockFile } from '../pins.mjs';

/** The one that everything runs on. */
export const etcd = pinned('etcd', { variable: 'ROLLCALL_ETCD', port: 2379, niceness: 0 });
/** The line before it and the line after it, for tests. */
export const etcd35 = pinned('etcd-3.5', { variable: undefined, port: 2389, niceness: 15 });
export const etcd37 = pinned('etcd-3.7', { variable: undefined, port: 2399, niceness: 15 });

/**
 * The etcd that the go.mod in the folder of this name pins.
 *
 * @param {import('../types.mjs').ServerName} name
 * @param {Pick<import('../types.mjs').Server, 'variable' | 'port' | 'niceness'>} rest
 * @returns {import('../types.mjs').Server}
 */
function pinned(name, rest) {
  const goMod = lockFile(`${name}/go.mod`);
  const version = goVersion(goMod, 'go.etcd.io/etcd/server/v3');
  return {
    name,
    version,
    image: `quay.io/coreos/etcd:v${version}`,
    ...rest,
    locks: [goMod, lockFile(`${name}/go.sum`)],
    binary: 'etcd',
    build: {
      tool: 'go',
      folder: lockFile(name),
      packages: {
        etcd: 'go.etcd.io/etcd/server/v3',
        etcdctl: 'go.etcd.io/etcd/etcdctl/v3',
        etcdutl: 'go.etcd.io/etcd/etcdutl/v3',
      },
    },
    copies: ['etcd', 'etcdctl', 'etcdutl'].map((file) => ({ from: `/usr/local/bin/${file}`, to: file })),
  };
}

/**
 * The command of one etcd member.
 *
 * @param {object} member
 * @param {string} member.folder install folder
 * @param {string} member.name
 * @param {string} member.dataDir
 * @param {string} member.clientUrl listened on and advertised
 * @param {string} member.peerUrl
 * @param {string} [member.initialCluster] `name=peerUrl,…` of all members; a cluster of this one by default
 * @param {readonly string[]} [member.flags] more flags; the last one of a name wins
 * @returns {import('../types.mjs').Launch}
 */
export function launchEtcd({ folder, name, dataDir, clientUrl, peerUrl, initialCluster, flags = [] }) {
  return {
    command: join(folder, 'etcd'),
    args: [
      `--name=${name}`,
      `--data-dir=${dataDir}`,
      `--listen-client-urls=${clientUrl}`,
      `--advertise-client-urls=${clientUrl}`,
      `--listen-peer-urls=${peerUrl}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      `--initial-cluster=${initialCluster ?? `${name}=${peerUrl}`}`,
      ...flags,
    ],
  };
}

/**
 * Whether a member has a leader and serves: etcd's `/health` makes a linearizable read.
 *
 * @param {string} clientUrl
 * @param {import('../http.mjs').RequestOptions} [options]
 */
export async function etcdReady(clientUrl, options) {
  const { status, body } = await request(`${clientUrl}/health`, options);
  return status === 200 && JSON.parse(body).health === 'true';
}
