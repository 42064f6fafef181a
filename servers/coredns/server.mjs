// @ts-check
import { join } from 'node:path';
import { goVersion, lockFile } from '../pins.mjs';

const goMod = lockFile('coredns/go.mod');
const version = goVersion(goMod, 'github.com/coredns/coredns');

/**
 * A DNS server for the tests of an example: CoreDNS with the plugins that serve a zone file, and no others.
 *
 * @type {import('../types.mjs').Server}
 */
export const coredns = {
  name: 'coredns',
  version,
  image: `coredns/coredns:${version}`,
  variable: undefined,
  port: 1053,
  locks: [goMod, lockFile('coredns/go.sum'), lockFile('coredns/main.go')],
  binary: 'coredns',
  niceness: 15,
  build: { tool: 'go', folder: lockFile('coredns'), packages: { coredns: '.' } },
  copies: [{ from: '/coredns', to: 'coredns' }],
};

/**
 * The configuration of a server of one zone, which reads the zone's file again within 100 ms of a change of its serial.
 *
 * @param {{ readonly zone: string, readonly file: string, readonly port: number }} server
 */
export function corefile({ zone, file, port }) {
  return `${zone}:${port} {\n  bind 127.0.0.1\n  file ${file} {\n    reload 100ms\n  }\n}\n`;
}

/**
 * The command of a server.
 *
 * @param {{ readonly folder: string, readonly corefile: string }} server `folder`: where it is installed
 * @returns {import('../types.mjs').Launch}
 */
export function launchCoreDns({ folder, corefile: path }) {
  return { command: join(folder, 'coredns'), args: ['-conf', path] };
}
