// @ts-check
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { consulAcl, consulAlone, consulCluster, consulPorts, consulTls } from './consul/deployments.mjs';
import { UsageError } from './errors.mjs';
import { etcd, etcd35, etcd37, etcdReady, launchEtcd } from './etcd/server.mjs';
import { formatKafka, kafka, kafkaProperties, launchKafka, newClusterId } from './kafka/server.mjs';
import { accepts } from './ready.mjs';
import { run } from './run.mjs';

/** @typedef {import('./types.mjs').Deployment} Deployment */

/**
 * Everything `start` can run, on ports that let all of it run side by side.
 *
 * @type {readonly Deployment[]}
 */
export const deployments = [
  alone(kafka, async ({ install, folder, dataDir }) => {
    const { port } = kafka;
    const properties = join(folder, 'server.properties');
    await writeFile(properties, kafkaProperties({ nodeId: 1, dataDir, port, controllerPort: port + 1 }));
    if (!existsSync(join(dataDir, 'meta.properties'))) {
      const format = formatKafka({ folder: install, properties, clusterId: newClusterId(), standalone: true });
      await run(format.command, format.args);
    }
    return { launch: launchKafka({ folder: install, properties }), ready: () => accepts(port) };
  }),
  ...[etcd, etcd35, etcd37].map((server) =>
    alone(server, async ({ install, dataDir }) => {
      const clientUrl = `http://127.0.0.1:${server.port}`;
      const peerUrl = `http://127.0.0.1:${server.port + 1}`;
      const launch = launchEtcd({ folder: install, name: 'rollcall', dataDir, clientUrl, peerUrl });
      return { launch, ready: () => etcdReady(clientUrl) };
    }),
  ),
  consulAlone(consulPorts(0)),
  consulAcl(consulPorts(10)),
  consulTls(consulPorts(20)),
  consulCluster([30, 40, 50].map(consulPorts)),
];

/**
 * @param {string} name
 * @returns {Deployment}
 * @throws {UsageError} listing the names there are
 */
export function deploymentNamed(name) {
  const deployment = deployments.find((candidate) => candidate.name === name);
  if (deployment) return deployment;
  const names = deployments.map((one) => one.name).join(', ');
  throw new UsageError(`there is no server "${name}" to start or stop; there are ${names}`);
}

/**
 * @param {import('./types.mjs').Server} server
 * @param {import('./types.mjs').Instance['prepare']} prepare
 * @returns {Deployment}
 */
function alone(server, prepare) {
  const { name, port } = server;
  return { name, server, standard: server.variable !== undefined, instances: [{ name, port, prepare }] };
}
