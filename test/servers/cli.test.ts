import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { installFolder } from '../../servers/cache.mjs';
import { consul } from '../../servers/consul/server.mjs';
import { identityOf } from '../../servers/process-identity.mjs';
import { temporaryRoot } from '../support/reaper.js';
import { runServers } from './run-servers.js';

/** An empty cache and no tools at all. */
let env: { XDG_CACHE_HOME: string; PATH: string };
beforeEach(async () => {
  const folder = await mkdtemp(join(temporaryRoot(), 'cache-'));
  env = { XDG_CACHE_HOME: folder, PATH: folder };
});

test.each([
  [[], 'which command?'],
  [['instal'], 'no command "instal"'],
  [['install', 'etdc'], 'no server "etdc"; the servers are kafka, etcd, consul, etcd-3.5, etcd-3.7, coredns'],
  [['start'], 'start takes one name'],
  [
    ['start', 'consul-alc'],
    'there are kafka, etcd, etcd-3.5, etcd-3.7, consul, consul-acl, consul-tls, consul-cluster',
  ],
  [['stop', 'etcd', 'kafka'], 'stop takes one name'],
  [['status', 'etcd'], 'status takes no name'],
  [['clean', '--all'], "'--all'"],
])('wrong usage %j: exit 2 and what is wrong', async (args, message) => {
  const { code, stdout, stderr } = await runServers(args, env);
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toContain(message);
  expect(stderr).toContain('Usage: npm run servers -- COMMAND');
});

test('--help is the usage, on standard output', async () => {
  const { code, stdout } = await runServers(['--help'], env);
  expect(code).toBe(0);
  expect(stdout).toContain('Usage: npm run servers -- COMMAND');
});

test('path of what is not installed: exit 1 and the command that installs it', async () => {
  const { code, stdout, stderr } = await runServers(['path', 'etcd'], env);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain('npm run servers -- install etcd');
});

test.each([
  ['etcd', ['Go 1.26', 'https://go.dev/dl/', 'ROLLCALL_ETCD']],
  ['consul', ['Go 1.26', 'https://go.dev/dl/', 'ROLLCALL_CONSUL']],
  ['kafka', ['Java 17', 'JAVA_HOME', 'ROLLCALL_KAFKA']],
])('install %s without its tools: exit 1 and what to install or set', async (name, words) => {
  const { code, stderr } = await runServers(['install', name], env);
  expect(code).toBe(1);
  for (const word of words) expect(stderr).toContain(word);
});

test('ROLLCALL_ETCD stands for etcd, not for its other versions', async () => {
  const given = { ...env, ROLLCALL_ETCD: '10.0.0.5:2379' };
  const { code, stdout, stderr } = await runServers(['start', 'etcd-3.5'], given);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/etcd-3\.5 3\.5\.\d+ needs Go .* start a Docker engine$/m);
  expect((await runServers(['status'], given)).stdout).toMatch(/^etcd-3\.7 +3\.7\.\d+ +stopped; not installed$/m);
});

test('start uses the endpoints of the environment', async () => {
  const { code, stdout } = await runServers(['start', 'etcd'], {
    ...env,
    ROLLCALL_ETCD: '10.0.0.5:2379,10.0.0.6:2379',
  });
  expect({ code, stdout }).toEqual({ code: 0, stdout: '10.0.0.5:2379,10.0.0.6:2379\n' });
});

test('start consul-acl does not take the endpoints of the environment for servers with access control', async () => {
  const { code, stdout } = await runServers(['start', 'consul-acl'], { ...env, ROLLCALL_CONSUL: '10.0.0.5:8500' });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
});

async function recordRunning(pid: number, identity: string | undefined, name = 'etcd'): Promise<void> {
  const folder = join(env.XDG_CACHE_HOME, 'rollcall', 'servers', 'run', name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'running.json'), JSON.stringify({ pid, identity }));
}

test('stop ends the recorded process; until then clean refuses', async () => {
  const server = spawn('sleep', ['60']);
  const ended = once(server, 'close');
  const { pid = 0 } = server;
  await recordRunning(pid, identityOf(pid));
  expect((await runServers(['status'], env)).stdout).toContain(`(pid ${pid})`);
  expect(await runServers(['clean'], env)).toMatchObject({ code: 1, stderr: expect.stringContaining('stop etcd') });
  expect(await runServers(['stop', 'etcd'], env)).toMatchObject({ code: 0, stderr: 'etcd stopped\n' });
  expect(await ended).toEqual([null, 'SIGTERM']);
  expect(await runServers(['clean'], env)).toMatchObject({ code: 0, stderr: expect.stringContaining('removed') });
});

describe('what runs already', () => {
  let pid: number;
  beforeEach(async () => {
    vi.stubEnv('XDG_CACHE_HOME', env.XDG_CACHE_HOME);
    const folder = installFolder(consul);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'installed.json'), JSON.stringify({ by: 'go' }));
    const server = spawn('sleep', ['60']);
    pid = server.pid ?? 0;
    onTestFinished(() => {
      server.kill();
      vi.unstubAllEnvs();
    });
  });

  test.each([
    ['consul', '127.0.0.1:8500\n', ''],
    ['consul-acl', '127.0.0.1:8510\n', 'token\n'],
    ['consul-tls', '127.0.0.1:8520\n', 'tls\n'],
    ['consul-cluster', '127.0.0.1:8530,127.0.0.1:8540,127.0.0.1:8550\n', ''],
  ])('start %s prints its endpoints, then where its credentials lie', async (name, endpoints, credentials) => {
    const instances = name === 'consul-cluster' ? [1, 2, 3].map((number) => `${name}/${number}`) : [name];
    for (const instance of instances) await recordRunning(pid, identityOf(pid), instance);
    const { code, stdout, stderr } = await runServers(['start', name], env);
    const path = credentials && join(env.XDG_CACHE_HOME, 'rollcall', 'servers', 'run', name, credentials);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: endpoints + path, stderr: `${name} runs already\n` });
  });

  test('status tells which servers of a cluster run', async () => {
    for (const number of [1, 3]) await recordRunning(pid, identityOf(pid), `consul-cluster/${number}`);
    const { stdout } = await runServers(['status'], env);
    expect(stdout).toContain(`2 of 3 run on 127.0.0.1:8530 (pid ${pid}), 127.0.0.1:8550 (pid ${pid});`);
    expect(await runServers(['clean'], env)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('stop consul-c'),
    });
  });
});

test('stop leaves a later process with the recorded id alone', async () => {
  const other = spawn('sleep', ['60']);
  await recordRunning(other.pid ?? 0, 'an earlier start');
  const { stderr } = await runServers(['stop', 'etcd'], env);
  expect(stderr).toContain('etcd does not run');
  expect(other.exitCode).toBeNull();
  expect(identityOf(other.pid ?? 0)).toBeDefined();
  other.kill();
});
