import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { etcdReady, launchEtcd } from '../../servers/etcd/server.mjs';
import { ensure } from '../../servers/lib.mjs';
import { accepts } from '../../servers/ready.mjs';
import { freePort, onFreePorts, PortInUseError } from './ports.js';
import { ServerProcess } from './process.js';
import { Reaper, temporaryRoot } from './reaper.js';

test('a reaper kills what is still registered when its owner ends, and removes the folder', async () => {
  const reaper = new Reaper();
  const left = spawn('sleep', ['60']);
  const ended = spawn('sleep', ['60']);
  const endOfLeft = once(left, 'close');
  for (const { pid = 0 } of [left, ended]) reaper.register(pid);
  reaper.unregister(ended.pid ?? 0);
  expect(existsSync(reaper.folder)).toBe(true);
  reaper.reap();
  expect(await endOfLeft).toEqual([null, 'SIGKILL']);
  await expect.poll(() => existsSync(reaper.folder)).toBe(false);
  expect(ended.signalCode).toBeNull();
  ended.kill();
});

test('a server that ends before it is ready fails with its last words', async () => {
  const start = ServerProcess.start({
    name: 'broken',
    command: '/bin/sh',
    args: ['-c', 'echo starting; echo no such cluster >&2; exit 3'],
    ready: async () => false,
  });
  await expect(start).rejects.toThrow(/broken did not become ready: broken ended \(exit 3\)\n(.*\n)*no such cluster/);
});

test('a server that never becomes ready is killed', async () => {
  const start = ServerProcess.start({
    name: 'slow',
    command: '/bin/sh',
    args: ['-c', 'echo $$; exec sleep 60'],
    ready: async () => false,
    readyTimeoutMs: 200,
  });
  const message = await start.then(String, (error: Error) => error.message);
  expect(message).toContain('slow did not become ready');
  const pid = Number(message.split('\n').at(-1));
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});

test('a command that does not exist is told', async () => {
  const start = ServerProcess.start({ name: 'x', command: '/nonexistent', args: [], ready: async () => false });
  await expect(start).rejects.toThrow('ENOENT');
});

test('when another process took the port, a real server is started on another one', async () => {
  const folder = await ensure('etcd', { log: console.error });
  const squatter = createServer();
  const tried: number[] = [];
  await using server = await onFreePorts(2, async ([client = 0, peer = 0]) => {
    if (tried.length === 0) await once(squatter.listen(client, '127.0.0.1'), 'listening');
    tried.push(client);
    const clientUrl = `http://127.0.0.1:${client}`;
    const dataDir = `${temporaryRoot()}/taken-${client}`;
    const launch = launchEtcd({ folder, name: 'taken', dataDir, clientUrl, peerUrl: `http://127.0.0.1:${peer}` });
    return ServerProcess.start({ name: 'taken', ...launch, ready: () => etcdReady(clientUrl) });
  });
  expect(tried).toHaveLength(2);
  expect(server.running).toBe(true);
  squatter.close();
});

test('free ports are free, below the ephemeral ports, and given once', async () => {
  const ports = await Promise.all(Array.from({ length: 50 }, freePort));
  expect(new Set(ports).size).toBe(50);
  expect(Math.max(...ports)).toBeLessThan(32_768);
  for (const port of ports.slice(0, 5)) expect(await accepts(port)).toBe(false);
});

test('a start that keeps failing for its port fails in the end', async () => {
  let starts = 0;
  const start = onFreePorts(1, async () => {
    starts++;
    throw new PortInUseError('taken');
  });
  await expect(start).rejects.toThrow('taken');
  expect(starts).toBe(5);
});
