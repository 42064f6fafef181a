// @ts-check
import { ServersError } from './errors.mjs';
import { javaCommand } from './kafka/server.mjs';
import { goDirective } from './pins.mjs';
import { ask } from './run.mjs';

/** Kafka 4 brokers run on Java 17 and later (kafka.apache.org, "Java Version"). */
const OLDEST_JAVA = 17;

/**
 * Fails unless this machine has a Go that can build a module.
 *
 * @param {import('./types.mjs').Server} server
 * @param {string} goMod
 * @throws {ServersError} telling what to install
 */
export async function requireGo(server, goMod) {
  const oldest = goDirective(goMod);
  const found = /go(\d+)\.(\d+)/.exec((await ask('go', ['version'])) ?? '');
  const [major = 0, minor = 0] = oldest.split('.').map(Number);
  if (found && (Number(found[1]) > major || (Number(found[1]) === major && Number(found[2]) >= minor))) return;
  const have = found ? `the one on the PATH is ${found[0].slice(2)}` : 'there is none on the PATH';
  throw missing(server, `needs Go ${oldest} or newer to be built, and ${have}: https://go.dev/dl/`);
}

/**
 * Fails unless this machine has a Java that runs Kafka.
 *
 * @param {import('./types.mjs').Server} server
 * @throws {ServersError} telling what to install or set
 */
export async function requireJava(server) {
  const command = javaCommand();
  const found = /(\d+)\S*/.exec((await ask(command, ['--version'])) ?? '');
  if (found && Number(found[1]) >= OLDEST_JAVA) return;
  const have = found ? `${command} is ${found[0]}` : `${command} does not run`;
  throw missing(server, `needs Java ${OLDEST_JAVA} or newer, and ${have}: install a JDK, or set JAVA_HOME to one`);
}

/**
 * Fails unless Maven is there.
 *
 * @param {import('./types.mjs').Server} server
 * @throws {ServersError} telling what to install
 */
export async function requireMaven(server) {
  if (await ask('mvn', ['--version'])) return;
  throw missing(server, 'is fetched by Maven, and no mvn runs from the PATH: https://maven.apache.org/install.html');
}

/**
 * @param {import('./types.mjs').Server} server
 * @param {string} need
 */
function missing({ name, version, variable }, need) {
  const given = variable === undefined ? '' : `, or set ${variable} to the endpoints of a server you run`;
  return new ServersError(`${name} ${version} ${need}. Otherwise start a Docker engine${given}`);
}
