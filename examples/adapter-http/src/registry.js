// @ts-check
import { once } from 'node:events';
import { createServer } from 'node:http';

/** A load balancer's page, half an answer, and JSON of other services. */
const BAD_ANSWERS = ['<html>404</html>', '{"revision":7,"ke', '{"error":"no"}', 'null', '{"revision":7,"keys":"none"}'];

/**
 * A small registry: `GET /keys` answers all keys with an ETag, and 304 to a request that has it already. Its methods do
 * what an operator and a network can do to a server.
 */
export class Registry {
  /** @type {Map<string, Uint8Array>} */
  #keys = new Map();
  #revision = 1;
  #port = 0;
  /** @type {'well' | 'badly' | 'never'} */
  #answers = 'well';
  #bad = 0;
  #server = createServer((request, response) => this.#answer(request, response));

  /** @param {number} port 0 for any that is free */
  static async start(port = 0) {
    const registry = new Registry();
    registry.#port = port;
    await registry.#listen();
    return registry;
  }

  get endpoint() {
    return `127.0.0.1:${this.#port}`;
  }

  get keys() {
    return new Map(this.#keys);
  }

  /** @param {readonly { type: 'put' | 'delete', key: string, value?: Uint8Array }[]} writes all at one revision */
  write(writes) {
    for (const { type, key, value } of writes) {
      if (type === 'put') this.#keys.set(key, value ?? new Uint8Array());
      else this.#keys.delete(key);
    }
    this.#revision++;
  }

  /** Ends every connection and refuses new ones. Returns what ends the outage. */
  async outage() {
    await this.close();
    return () => this.#listen();
  }

  /** Takes requests and answers none. Returns what ends the stall: then their connections are closed. */
  async stall() {
    this.#answers = 'never';
    return async () => {
      this.#answers = 'well';
      this.#server.closeAllConnections();
    };
  }

  /** Answers what is not its own, another nonsense each time. Returns what ends it. */
  async answerBadly() {
    this.#answers = 'badly';
    return async () => {
      this.#answers = 'well';
    };
  }

  /** Begins again without keys, as if its disk had been replaced. */
  wipe() {
    this.#keys.clear();
    this.#revision = 1;
  }

  async close() {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #listen() {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (typeof address === 'object' && address !== null) this.#port = address.port;
  }

  /** @param {import('node:http').IncomingMessage} request @param {import('node:http').ServerResponse} response */
  #answer(request, response) {
    if (this.#answers === 'never') return;
    if (this.#answers === 'badly') {
      response.end(BAD_ANSWERS[this.#bad++ % BAD_ANSWERS.length]);
      return;
    }
    if (request.url !== '/keys') {
      response.writeHead(404).end();
      return;
    }
    const etag = `"${this.#revision}"`;
    if (request.headers['if-none-match'] === etag) {
      response.writeHead(304).end();
      return;
    }
    const keys = Object.fromEntries(
      [...this.#keys].map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    );
    response.setHeader('etag', etag).end(JSON.stringify({ revision: this.#revision, keys }));
  }
}
