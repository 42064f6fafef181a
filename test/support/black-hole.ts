import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { reaper } from './reaper.js';

/**
 * Listens, and then blocks its event loop, so that nothing is accepted. Linux queues 2 connections for a backlog of 1;
 * these connections fill the queue, and Linux drops every further SYN.
 */
const PROGRAM = `
const { connect, createServer } = require('node:net');
const ports = process.argv.slice(1).map(Number);
let listening = 0;
const fill = () => {
  for (const port of [...ports, ...ports]) connect({ host: '127.0.0.1', port }).on('error', () => {});
  // Blocks right after the connects have begun.
  process.nextTick(() => {
    require('node:fs').writeSync(1, 'closed');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
};
for (const port of ports) {
  createServer().listen({ host: '127.0.0.1', port, backlog: 1 }, () => ++listening === ports.length && fill());
}
`;

/** Ports of 127.0.0.1 that swallow packets: a client that connects gets no answer, as from a host that is gone. */
export class BlackHole implements AsyncDisposable {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async open(ports: readonly number[]): Promise<BlackHole> {
    const child = spawn(process.execPath, ['-e', PROGRAM, ...ports.map(String)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (child.pid !== undefined) reaper().register(child.pid);
    await once(child.stdout, 'data');
    return new BlackHole(child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await ended;
    if (this.#child.pid !== undefined) reaper().unregister(this.#child.pid);
  }
}
