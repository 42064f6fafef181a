import { BrokerAddress, WatchError } from '@rollcall/core';
import { type Endpoint, formatEndpoint } from '@rollcall/core/adapter';
import type { BrokerList } from '../list/types.js';

type Callback<T> = (error: Error | null, result?: T) => void;

/** The client's connection pool. It is asked for brokers whose address the client may not know: undefined. */
interface Pool {
  has(broker: Endpoint): boolean;
  get(broker: Endpoint | undefined, callback?: Callback<unknown>): unknown;
  getFirstAvailable(brokers: Endpoint[], callback: Callback<unknown>): unknown;
}

/** What a consumer's stream calls, with the stream's own connection pool. */
type Fetch = (options: { readonly connectionPool?: Pool }, callback?: Callback<unknown>) => unknown;

/** The part of a `@platformatic/kafka` producer, consumer or admin client that is used here. */
export interface PlatformaticClient {
  readonly connections: unknown;
  readonly currentMetadata: { readonly brokers: ReadonlyMap<number, Endpoint> } | undefined;
}

/** The part of `import * as platformatic from '@platformatic/kafka'` that is used here. */
export interface PlatformaticModule {
  readonly kGetBootstrapConnection: symbol;
  readonly NetworkError: new (message: string, properties: { canRetry: boolean; cause?: unknown }) => Error;
}

/** Time for a broker to say which cluster it belongs to, ms. */
const ASK_MS = 2_000;
const NEVER = new AbortController().signal;

/**
 * Makes a client of `@platformatic/kafka` 2 follow a live list: `followBrokers(new platformatic.Producer({ … }),
 * brokers, platformatic)`. The client copies its `bootstrapBrokers` when it is made. From then on this function makes
 * it bootstrap again, with the same producer id, sequence numbers and queue. Addresses that the list's gate refuses are
 * not connected to.
 *
 * Exactly-once delivery needs `idempotent: true` and one `send` at a time. After a reconnect several sends arrive in
 * any order, and the client sends those out of order again under another producer id, whether or not they were stored
 * (2.12.1).
 *
 * Give a consumer `retries: true`: by default it gives up after 3, and its streams end. The gate asks a broker on a
 * separate connection, just before the client connects.
 * @returns the client.
 */
export function followBrokers<Client extends PlatformaticClient>(
  client: Client,
  brokers: BrokerList,
  { kGetBootstrapConnection, NetworkError }: PlatformaticModule,
): Client {
  const pool = client.connections as Pool;
  const { gate } = brokers;
  const admitted = async (broker: Endpoint): Promise<void> => {
    try {
      const refusal = gate.refusal(broker);
      if (refusal !== undefined) throw new WatchError('FORBIDDEN', refusal);
      if (gate.asks) await gate.probe(broker, { signal: NEVER, timeoutMs: ASK_MS });
    } catch (error) {
      // The client recognises its own errors by their methods.
      throw new NetworkError(WatchError.from(error).message, { canRetry: true, cause: error });
    }
  };

  const guarded = new WeakSet<Pool>();
  const guard = (each: Pool): void => {
    if (guarded.has(each)) return;
    guarded.add(each);
    const unguarded = each.get.bind(each);
    each.get = (broker, callback) => {
      if (broker === undefined || each.has(broker)) return unguarded(broker, callback);
      const asked = admitted(broker);
      if (callback === undefined) return asked.then(() => unguarded(broker));
      return void asked.then(() => unguarded(broker, callback), callback);
    };
  };
  guard(pool);

  const consumer = client as { fetch?: Fetch };
  const fetch = consumer.fetch?.bind(client);
  if (fetch !== undefined) {
    consumer.fetch = (options, callback) => {
      if (options.connectionPool !== undefined) guard(options.connectionPool);
      return fetch(options, callback);
    };
  }

  // Waits for a list only as long as the client is open.
  const closed = new AbortController();
  const emitter = client as { once?(event: 'client:close', listener: () => void): unknown };
  emitter.once?.('client:close', () => closed.abort(new WatchError('CLOSED', 'The client is closed.')));

  const bootstrap = (callback: Callback<unknown>, attempt = 0): void => {
    brokers.ready({ signal: closed.signal }).then(
      (update) => {
        const known = [...(client.currentMetadata?.brokers.values() ?? [])];
        const listed = rotated(
          update.brokers.map((address) => BrokerAddress.parse(address)),
          attempt,
        );
        pool.getFirstAvailable(distinct([...listed, ...known]), callback);
      },
      (cause: Error) => callback(new NetworkError(cause.message, { canRetry: false, cause })),
    );
  };
  return Object.assign(client, { [kGetBootstrapConnection]: bootstrap });
}

/** A broker that answers and then hangs must not be tried first at the next attempt. */
function rotated<T>(items: readonly T[], by: number): T[] {
  const at = by % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}

function distinct(endpoints: readonly Endpoint[]): Endpoint[] {
  return [...new Map(endpoints.map(({ host, port }) => [formatEndpoint({ host, port }), { host, port }])).values()];
}
