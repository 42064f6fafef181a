import { setTimeout as delay } from 'node:timers/promises';
import type { Consul } from '../support/consul.js';

/** Between two writes, ms: fast enough to fall into every gap, slow enough to leave the machine to the others. */
const PERIOD_MS = 10;

/**
 * Does the write with this number. It must wait for longer than the 7 s for which servers without a leader hold a write:
 * one that is given up sooner may be done after later ones.
 */
export type Write = (server: Consul, number: number) => Promise<unknown>;

/** An independent writer: numbered writes one after another, by any server that takes them, until it is stopped. */
export class ConsulWriter implements AsyncDisposable {
  readonly #servers: readonly Consul[];
  readonly #write: Write;
  readonly #stopped = new AbortController();
  readonly #running: Promise<void>;
  #done = 0;
  #awaited: { readonly count: number; readonly resolve: () => void }[] = [];

  constructor(servers: readonly Consul[], write: Write) {
    this.#servers = servers;
    this.#write = write;
    this.#running = this.#run();
  }

  /** Resolves when that many more writes are done. */
  more(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#awaited.push({ count: this.#done + count, resolve });
    });
  }

  /** Resolves when nothing more is sent. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #run(): Promise<void> {
    let turn = 0;
    for (let number = 0; !this.#stopped.signal.aborted; number++) {
      const server = this.#servers[turn % this.#servers.length];
      if (server !== undefined && (await this.#taken(server, number))) this.#tell();
      else turn++;
      await delay(PERIOD_MS);
    }
  }

  /** False: its outcome is unknown. */
  #taken(server: Consul, number: number): Promise<boolean> {
    return this.#write(server, number).then(
      () => true,
      () => false,
    );
  }

  #tell(): void {
    this.#done++;
    const reached = this.#awaited.filter(({ count }) => count <= this.#done);
    this.#awaited = this.#awaited.filter(({ count }) => count > this.#done);
    for (const { resolve } of reached) resolve();
  }
}
