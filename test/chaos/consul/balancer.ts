import { once } from 'node:events';
import { createServer, request as forward, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Answer } from '../../faults/scripted-consul.js';

/** Told of each request, as it came. */
export type OnRequest = (request: IncomingMessage) => void;

/** Headers that are of one connection and not passed on. */
const HOP_BY_HOP = ['connection', 'keep-alive', 'transfer-encoding'];

/**
 * A load balancer before one agent: passes requests on, counts them, and may answer in its place. An agent that goes away
 * is a broken connection, as without a balancer.
 */
export class Balancer implements AsyncDisposable {
  readonly #server: Server;
  readonly #port: number;
  readonly #onRequest: OnRequest;
  readonly #open = new Map<ServerResponse, IncomingMessage>();
  #interjection: Answer | undefined;

  private constructor(server: Server, port: number, onRequest: OnRequest) {
    this.#server = server;
    this.#port = port;
    this.#onRequest = onRequest;
    server.on('request', (request, response) => this.#serve(request, response));
  }

  /** @param port the agent's, on 127.0.0.1 */
  static async start(port: number, onRequest: OnRequest = () => {}): Promise<Balancer> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Balancer(server, port, onRequest);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Requests that wait for an answer. */
  get open(): number {
    return this.#open.size;
  }

  /** Answers everything so from now on, also what waits. Undefined: passes on again. */
  interject(interjection: Answer | undefined): void {
    this.#interjection = interjection;
    if (interjection === undefined) return;
    for (const [response, request] of this.#open) {
      if (!response.headersSent) interjection(response, request, undefined);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    this.#onRequest(request);
    this.#open.set(response, request);
    response.on('close', () => this.#open.delete(response));
    if (this.#interjection === undefined) this.#pass(request, response);
    else this.#interjection(response, request, undefined);
  }

  #pass({ method, url, headers }: IncomingMessage, response: ServerResponse): void {
    const { connection: _, ...passed } = headers;
    const outgoing = forward({ host: '127.0.0.1', port: this.#port, method, path: url, headers: passed, agent: false });
    const broken = (): void => {
      // Unless the balancer has answered by itself.
      if (!response.writableEnded) response.destroy();
    };
    outgoing.on('error', broken);
    outgoing.on('response', (incoming) => {
      if (response.headersSent) return;
      response.writeHead(incoming.statusCode ?? 0, endToEnd(incoming));
      incoming.on('error', broken);
      incoming.pipe(response);
    });
    response.on('close', () => outgoing.destroy());
    outgoing.end();
  }
}

function endToEnd({ headers }: IncomingMessage): IncomingMessage['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.includes(name)));
}
