import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

import { freePort } from './ports.js';

export interface ProxyTarget {
  /** Default: 127.0.0.1. */
  readonly host?: string;
  readonly port: number;
}

export interface ProxyOptions {
  /** Called with everything that the servers send. */
  readonly onAnswer?: (bytes: Buffer) => void;
}

interface Pair {
  readonly client: Socket;
  /** Undefined while the connection waits for the end of a stall. */
  server: Socket | undefined;
}

/**
 * A TCP proxy on 127.0.0.1 with the faults of a network: it resets connections, refuses new ones, or keeps them open
 * and carries nothing (half-open: no FIN, no RST, as when packets are dropped).
 */
export class TcpProxy implements AsyncDisposable {
  readonly #pairs = new Set<Pair>();
  readonly #onAnswer: (bytes: Buffer) => void;
  #listener: Server;
  #target: ProxyTarget;
  #port = 0;
  #stalled = false;
  #swallow: (() => void) | undefined;
  #total = 0;
  #toServer = 0;
  #toClient = 0;

  private constructor(target: ProxyTarget, { onAnswer = () => {} }: ProxyOptions) {
    this.#target = target;
    this.#onAnswer = onAnswer;
    this.#listener = this.#newListener();
  }

  /** Listens on a free port and forwards every connection to the target, which need not be there yet. */
  static async start(target: ProxyTarget, options: ProxyOptions = {}): Promise<TcpProxy> {
    const proxy = new TcpProxy(target, options);
    await proxy.#listen(await freePort());
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** `127.0.0.1:port` */
  get endpoint(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Connections that are open now, and all that were ever accepted. */
  get connections(): { readonly open: number; readonly total: number } {
    return { open: this.#pairs.size, total: this.#total };
  }

  /** Bytes carried since the start. */
  get bytes(): { readonly toServer: number; readonly toClient: number } {
    return { toServer: this.#toServer, toClient: this.#toClient };
  }

  /** Resets every open connection on both sides; new ones are accepted. */
  drop(): void {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy();
      server?.resetAndDestroy();
    }
    this.#pairs.clear();
  }

  /** Resets every open connection and refuses new ones, until `resume`. */
  async cut(): Promise<void> {
    this.drop();
    if (!this.#listener.listening) return;
    const closed = once(this.#listener, 'close');
    this.#listener.close();
    await closed;
  }

  /** Drops what servers answer from now on, until `resume`. Resolves when something was dropped. */
  async swallow(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#swallow = resolve;
    });
  }

  /** Keeps every connection open and carries nothing; new ones are accepted and wait too, until `resume`. */
  stall(): void {
    this.#stalled = true;
    for (const { client, server } of this.#pairs) {
      client.pause();
      server?.pause();
    }
  }

  /** Undoes `cut`, `stall` and `swallow`: what waited is delivered now. */
  async resume(): Promise<void> {
    this.#stalled = false;
    this.#swallow = undefined;
    for (const pair of this.#pairs) {
      if (pair.server === undefined) this.#forward(pair);
      pair.client.resume();
      pair.server?.resume();
    }
    if (!this.#listener.listening) {
      this.#listener = this.#newListener();
      await this.#listen(this.#port);
    }
  }

  /** New connections go to another target; those that are open stay with the old one. */
  retarget(target: ProxyTarget): void {
    this.#target = target;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.cut();
  }

  async #listen(port: number): Promise<void> {
    this.#listener.listen({ host: '127.0.0.1', port });
    await once(this.#listener, 'listening');
    this.#port = port;
  }

  #newListener(): Server {
    return createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) => {
      this.#total++;
      const pair: Pair = { client, server: undefined };
      this.#pairs.add(pair);
      this.#endTogether(pair);
      if (!this.#stalled) this.#forward(pair);
    });
  }

  #forward(pair: Pair): void {
    const { host = '127.0.0.1', port } = this.#target;
    const server = connect({ host, port, allowHalfOpen: true, noDelay: true });
    pair.server = server;
    const { client } = pair;
    this.#carry(client, server, (chunk) => {
      this.#toServer += chunk.length;
      return true;
    });
    this.#carry(server, client, (chunk) => {
      this.#swallow?.();
      if (this.#swallow !== undefined) return false;
      this.#toClient += chunk.length;
      this.#onAnswer(chunk);
      return true;
    });
    this.#endTogether(pair);
    client.resume();
  }

  /** @param passes whether this goes on */
  #carry(from: Socket, to: Socket, passes: (chunk: Buffer) => boolean): void {
    from.on('data', (chunk: Buffer) => {
      if (passes(chunk) && !to.write(chunk)) from.pause();
    });
    to.on('drain', () => {
      if (!this.#stalled) from.resume();
    });
    from.on('end', () => to.end());
  }

  /** If one side fails or ends, so does the other: a client sees a dead server as a reset. */
  #endTogether(pair: Pair): void {
    for (const socket of [pair.client, pair.server]) {
      socket?.on('error', () => {
        pair.client.resetAndDestroy();
        pair.server?.resetAndDestroy();
      });
      socket?.on('close', () => {
        if (pair.client.destroyed && (pair.server?.destroyed ?? true)) this.#pairs.delete(pair);
      });
    }
  }
}

/** A proxy in front of a server: `startProxy(etcd)`. */
export const startProxy = (target: ProxyTarget, options?: ProxyOptions): Promise<TcpProxy> =>
  TcpProxy.start(target, options);
