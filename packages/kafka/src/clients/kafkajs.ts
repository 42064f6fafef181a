import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { handshake } from '../gate/dial.js';
import type { BrokerList } from '../list/types.js';
import { LateSocket } from './lateSocket.js';

/** The argument of kafkajs's `socketFactory`. */
interface SocketRequest {
  readonly host: string;
  readonly port: number;
  readonly ssl: ConnectionOptions | null | undefined;
  onConnect(): void;
}

/** Options for kafkajs's constructor. */
export interface KafkajsOptions {
  readonly brokers: () => Promise<string[]>;
  /** Give it to producers, too, whose own default gives up. Not to consumers. */
  readonly retry: { readonly retries: number; readonly initialRetryTime: number; readonly maxRetryTime: number };
  /** Makes connections, and refuses addresses that the list's gate refuses. */
  readonly socketFactory: (request: SocketRequest) => Socket;
}

/**
 * Retries without end: kafkajs keeps a message only as long as it retries. The waits, ms, are short against the seconds
 * that brokers take to come back, and long against the round trip of a dial.
 */
const RETRY = { retries: Number.MAX_SAFE_INTEGER, initialRetryTime: 100, maxRetryTime: 1_000 };

/**
 * Options that make kafkajs follow a live list: `new Kafka({ ...kafkajsOptions(brokers) })`. It asks for the list at
 * its first connect and after each failed dial, so the same producer, consumer or admin client follows its brokers
 * anywhere.
 *
 * Exactly-once delivery needs `producer({ idempotent: true, maxInFlightRequests: 1, retry })`, one `send` at a time,
 * and a partition in each message. After an error kafkajs reuses a sequence number, and a message without a partition
 * gets another one at each retry (2.2.4). Anything else is at-least-once at best.
 *
 * Give a consumer no `retry` (`consumer({ groupId })`) or a few `retries`. After its default of 5 it restarts by itself
 * and finds its group's new coordinator. A consumer that retries for ever asks the old coordinator for ever: it
 * consumes and commits nothing (2.2.4).
 *
 * Give the list `probe`, `clusterId` or `allow`: a broker is then asked before kafkajs gets the connection. Otherwise
 * the first broker that accepts connections and answers nothing holds kafkajs for as long as it hangs (2.2.4).
 */
export function kafkajsOptions(brokers: BrokerList): KafkajsOptions {
  return {
    brokers: brokers.list,
    retry: RETRY,
    socketFactory: ({ host, port, ssl, onConnect }) => {
      const socket = new LateSocket(async (signal) => {
        const plain = await brokers.gate.connect({ host, port }, { signal });
        return ssl ? handshake(plain, { host, port }, ssl, signal) : plain;
      });
      // kafkajs uses only the stream's part of a socket, and unref().
      return socket.once('connect', onConnect) as unknown as Socket;
    },
  };
}
