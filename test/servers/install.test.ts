import { once } from 'node:events';
import { createReadStream, existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { temporaryRoot } from '../support/reaper.js';
import { runTool } from '../support/tool.js';
import { runServers, startServers } from './run-servers.js';

/**
 * A `go` that notes each build in `builds`, says through the pipe `began` that it works, ends when someone writes to the pipe
 * `go-on`, and writes a file that names its own process.
 */
const go = `#!/bin/sh
cd "\${0%/*}"
case $1 in
  version) echo 'go version go1.26.8 linux/amd64'; exit ;;
esac
echo "$5" >> builds
echo began > began
read -r ok < go-on
[ "$ok" = ok ] || { echo 'disk is full'; exit 1; }
echo built > "$5"
`;

let folder: string;
let env: NodeJS.ProcessEnv;
beforeEach(async () => {
  folder = await mkdtemp(join(temporaryRoot(), 'install-'));
  env = { XDG_CACHE_HOME: join(folder, 'cache'), PATH: folder };
  await writeFile(join(folder, 'go'), go);
  await chmod(join(folder, 'go'), 0o755);
  await runTool('mkfifo', [join(folder, 'began'), join(folder, 'go-on')]);
});

/** Waits until a build works. */
async function building(): Promise<void> {
  await once(createReadStream(join(folder, 'began')).resume(), 'close');
}

async function answer(word: string): Promise<void> {
  await building();
  await writeFile(join(folder, 'go-on'), `${word}\n`);
}

const builds = async () => (await readFile(join(folder, 'builds'), 'utf8')).trim().split('\n');
const cache = () => readdir(join(folder, 'cache', 'rollcall', 'servers'));

test('two installs at once: one builds, the other waits, both find it', async () => {
  const first = startServers(['install', 'etcd'], env).ended;
  await building();
  const second = startServers(['install', 'etcd'], env);
  const waits = once(second.child.stderr ?? second.child, 'data');
  expect(String(await waits)).toMatch(/process \d+ is installing it; waiting/);
  await writeFile(join(folder, 'go-on'), 'ok\n');
  await answer('ok');
  await answer('ok');
  expect((await first).code).toBe(0);
  expect((await second.ended).code).toBe(0);
  expect(await builds()).toHaveLength(3);

  const { stdout } = await runServers(['path', 'etcd'], env);
  const binary = stdout.trimEnd();
  expect(await readFile(binary, 'utf8')).toBe('built\n');
  expect((await readdir(dirname(binary))).sort()).toEqual(['etcd', 'etcdctl', 'etcdutl', 'installed.json']);
  expect(await cache()).toHaveLength(1);
  expect(await runServers(['install', 'etcd'], env)).toMatchObject({ code: 0, stderr: '' });
});

test('an install that was killed leaves nothing that counts, and the next one cleans up after it', async () => {
  const killed = startServers(['install', 'etcd'], env);
  await building();
  killed.child.kill('SIGKILL');
  await killed.ended;
  expect((await runServers(['path', 'etcd'], env)).code).toBe(1);

  // The build outlives the install that started it; it may end before anything else happens.
  await writeFile(join(folder, 'go-on'), 'ok\n');
  const [unfinished = ''] = await builds();
  await expect.poll(() => existsSync(unfinished)).toBe(true);

  const next = startServers(['install', 'etcd'], env).ended;
  await answer('ok');
  await answer('ok');
  await answer('ok');
  expect((await next).code).toBe(0);
  expect(await cache()).toHaveLength(1);
});

test('a failed build: exit 1, the end of its output, nothing left', async () => {
  const failing = startServers(['install', 'etcd'], env).ended;
  await answer('no');
  const { code, stderr } = await failing;
  expect(code).toBe(1);
  expect(stderr).toContain('building etcd failed (exit 1):\ndisk is full');
  expect(await cache()).toEqual([]);
});

test('an interrupted install ends at once and leaves nothing', async () => {
  const interrupted = startServers(['install', 'etcd'], env);
  await building();
  interrupted.child.kill('SIGINT');
  const { code, stderr } = await interrupted.ended;
  expect(code).toBe(1);
  expect(stderr).toContain('interrupted (SIGINT)');
  expect(await cache()).toEqual([]);
});
