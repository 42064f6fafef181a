// @ts-check
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { consulConfig, consulReady, launchConsul } from './consul/server.mjs';
import { etcdReady, launchEtcd } from './etcd/server.mjs';
import { formatKafka, kafkaProperties, launchKafka, newClusterId } from './kafka/server.mjs';
import { accepts } from './ready.mjs';
import { run } from './run.mjs';

/**
 * @typedef {object} Prepared
 * @property {import('./types.mjs').Launch} launch
 * @property {() => Promise<boolean>} ready
 */

/**
 * Writes what a single server on its standard ports needs, and tells how to run it.
 *
 * @param {import('./types.mjs').Server} server
 * @param {string} folder install folder
 * @param {string} dataDir exists
 * @returns {Promise<Prepared>}
 */
export function prepare(server, folder, dataDir) {
  return prepareByName[server.name](folder, dataDir, server.port);
}

/** @type {Record<import('./types.mjs').ServerName, (folder: string, dataDir: string, port: number) => Promise<Prepared>>} */
const prepareByName = {
  etcd: async (folder, dataDir, port) => {
    const clientUrl = `http://127.0.0.1:${port}`;
    const launch = launchEtcd({ folder, name: 'rollcall', dataDir, clientUrl, peerUrl: 'http://127.0.0.1:2380' });
    return { launch, ready: () => etcdReady(clientUrl) };
  },

  kafka: async (folder, dataDir, port) => {
    const properties = join(dirname(dataDir), 'server.properties');
    await writeFile(properties, kafkaProperties({ nodeId: 1, dataDir, port, controllerPort: port + 1 }));
    if (!existsSync(join(dataDir, 'meta.properties'))) {
      const format = formatKafka({ folder, properties, clusterId: newClusterId(), standalone: true });
      await run(format.command, format.args);
    }
    return { launch: launchKafka({ folder, properties }), ready: () => accepts(port) };
  },

  consul: async (folder, dataDir, port) => {
    const configFile = join(dirname(dataDir), 'consul.json');
    const config = consulConfig({ name: 'rollcall', dataDir, ports: { http: port, server: 8300, serf: 8301 } });
    await writeFile(configFile, JSON.stringify(config, null, 2));
    return { launch: launchConsul(folder, configFile), ready: () => consulReady(`http://127.0.0.1:${port}`) };
  },
};
