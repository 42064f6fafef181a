import { setTimeout as delay } from 'node:timers/promises';

/** Between two writes, ms: fast enough to fall into every gap, slow enough to leave the machine to the others. */
const PERIOD_MS = 10;

/** Does the write with this number. A failure, or no answer, leaves open whether it was done, or will be. */
export type Write<Server> = (server: Server, number: number) => Promise<unknown>;

/** An independent writer: numbered writes one after another, by any server that takes them, until it is stopped. */
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

  /** Resolves when that many more writes are done. */
  more(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#awaited.push({ count: this.#done + count, resolve });
    });
  }

  /** Resolves when nothing more is sent. */
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
