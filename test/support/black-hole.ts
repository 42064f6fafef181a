import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { reaper } from './reaper.js';

/** Listens, and then never turns again: nothing is accepted. */
const PROGRAM = `
const { createServer } = require('node:net');
const ports = process.argv.slice(1).map(Number);
let listening = 0;
const stop = () => {
  require('node:fs').writeSync(1, 'listening');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
};
for (const port of ports) {
  createServer().listen({ host: '127.0.0.1', port, backlog: 1 }, () => ++listening === ports.length && stop());
}
`;

/** What Linux queues for a backlog of 1; then it drops every SYN. */
const QUEUED = 2;

/** Ports of 127.0.0.1 that swallow packets: who connects hears nothing, as from a host that is gone. */
export class BlackHole implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #fillers: readonly Socket[];

  private constructor(child: ChildProcess, fillers: readonly Socket[]) {
    this.#child = child;
    this.#fillers = fillers;
  }

  static async open(ports: readonly number[]): Promise<BlackHole> {
    const child = spawn(process.execPath, ['-e', PROGRAM, ...ports.map(String)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (child.pid !== undefined) reaper().register(child.pid);
    await once(child.stdout, 'data');
    const fillers = ports.flatMap((port) =>
      Array.from({ length: QUEUED }, () => connect({ host: '127.0.0.1', port }).on('error', () => {})),
    );
    await Promise.all(fillers.map((socket) => once(socket, 'connect')));
    return new BlackHole(child, fillers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    for (const socket of this.#fillers) socket.destroy();
    await ended;
    if (this.#child.pid !== undefined) reaper().unregister(this.#child.pid);
  }
}
