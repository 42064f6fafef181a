import { mkdir, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Program } from './cli.js';
import type { InstalledClient } from './clients.js';
import { temporaryRoot } from './reaper.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** The prefix that the page watches. */
const REGISTRY = 'etcd://127.0.0.1:2379/';

/** The blocks of JavaScript in docs/kafka.md that import this, each as it stands. @throws an Error when there is none */
export async function blocksThatImport(name: string): Promise<string[]> {
  const readme = await readFile(join(ROOT, 'docs/kafka.md'), 'utf8');
  const blocks = [...readme.matchAll(/^```js\n(.*?)^```$/gms)].map(([, block = '']) => block);
  const found = blocks.filter((block) => block.includes(` from '${name}';`));
  if (found.length === 0) throw new Error(`docs/kafka.md has no js block that imports ${name}`);
  return found;
}

/**
 * Runs a program in a folder with the last build of `rollcall` and a client. Only the registry's address in it is
 * changed.
 */
export async function runWith(client: InstalledClient, module: string, text: string, etcd: string): Promise<Program> {
  const folder = await mkdtemp(join(temporaryRoot(), 'readme-'));
  const modules = join(folder, 'node_modules');
  await mkdir(dirname(join(modules, module)), { recursive: true });
  await symlink(join(client.folder, 'node_modules', module), join(modules, module));
  await symlink(join(ROOT, 'packages/rollcall'), join(modules, 'rollcall'));
  if (!text.includes(REGISTRY)) throw new Error(`docs/kafka.md's program does not watch ${REGISTRY}`);
  const file = join(folder, 'orders.mjs');
  await writeFile(file, text.replace(REGISTRY, `etcd://${etcd}/`));
  return Program.start(client.node, [file]);
}
