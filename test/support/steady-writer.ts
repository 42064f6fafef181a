import { setTimeout as delay } from 'node:timers/promises';

/** The time between two writes, ms: short enough to fall into every gap, long enough to leave the machine to others. */
const PERIOD_MS = 10;

/** Does the write with this number. After a failure or without an answer it may or may not be done. */
export type Write<Server> = (server: Server, number: number) => Promise<unknown>;

/**
 * An independent writer: it does numbered writes one after another, through any server that takes them, until it is
 * stopped.
 */
export class SteadyWriter<Server> implements AsyncDisposable {
  readonly #servers: readonly Server[];
  readonly #write: Write<Server>;
  readonly #stopped = new AbortController();
  readonly #running: Promise<void>;
  #done = 0;
  #awaited: { readonly count: number; readonly resolve: () => void }[] = [];

  constructor(servers: readonly Server[], write: Write<Server>) {
    this.#servers = servers;
    this.#write = write;
    this.#running = this.#run();
  }

  /** Resolves when this many more writes are done. */
  more(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#awaited.push({ count: this.#done + count, resolve });
    });
  }

  /** Stops. Resolves when nothing more is sent. */
  stop(): Promise<void> {
    this.#stopped.abort();
    return this.#running;
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

  #taken(server: Server, number: number): Promise<boolean> {
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
