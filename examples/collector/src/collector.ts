import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'rollcall';
import type { createCallers } from './callers.js';
import { Full, type Store } from './store.js';

/** The largest record, bytes: `message.max.bytes` of Kafka, less its own part. */
const MOST_BYTES = 1_000_000;

export interface CollectorOptions {
  readonly callers: ReturnType<typeof createCallers>;
  /** Undefined until Kafka is there. */
  store(): Store | undefined;
  readonly host: string;
  readonly port: number;
  readonly logger: Logger;
}

/** `POST /` with a record as its body and a key: 204 when Kafka has acknowledged it. */
export async function createCollector({ callers, store, host, port, logger }: CollectorOptions) {
  let isStopping = false;
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 30_000 }, async (request, response) => {
    try {
      const [status, text] = await answer(request);
      const again = status === 429 || status === 503 ? { 'retry-after': '1' } : {};
      const who = status === 401 ? { 'www-authenticate': 'Bearer' } : {};
      const last = status === 413 || isStopping ? { connection: 'close' } : {};
      response.writeHead(status, { ...again, ...who, ...last }).end(text && `${text}\n`);
    } catch (error) {
      // The client went before it had sent all.
      if (!request.complete) return void response.destroy();
      logger.error({ err: error }, 'A record was not stored.');
      response.writeHead(500).end('Not stored.\n');
    }
  });

  async function answer(request: IncomingMessage): Promise<[status: number, text?: string]> {
    if (request.method !== 'POST') return [405, 'POST a record.'];
    if (isStopping) return [503, 'The collector is about to end.'];
    if (!callers.isKnown()) return [503, 'The callers are not known yet.'];
    if ((await callers.nameOf(request.headers.authorization)) === undefined) return [401, 'No key that is known.'];
    const kafka = store();
    if (kafka === undefined) return [503, 'Kafka is not there yet.'];
    const record = await bodyOf(request);
    if (record === undefined) return [413, `A record has at most ${MOST_BYTES} bytes.`];
    try {
      await kafka.add(record);
      return [204];
    } catch (error) {
      if (error instanceof Full) return [429, error.message];
      throw error;
    }
  }

  await once(server.listen({ host, port }), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    /** Takes no more, and waits until all that was accepted is stored and answered. @returns how many records are not. */
    close: async (deadlineMs: number): Promise<number> => {
      isStopping = true;
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      // A record whose client has gone is stored as well.
      const done = closed.then(() => store()?.idle());
      await Promise.race([done, delay(deadlineMs, undefined, { ref: false })]);
      server.closeAllConnections();
      return store()?.size ?? 0;
    },
  };
}

async function bodyOf(request: AsyncIterable<Buffer>): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
