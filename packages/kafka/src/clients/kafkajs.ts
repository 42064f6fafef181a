import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { handshake } from '../gate/dial.js';
import type { BrokerList } from '../list/types.js';
import { LateSocket } from './lateSocket.js';

/** What kafkajs asks for a connection with. */
interface SocketRequest {
  readonly host: string;
  readonly port: number;
  readonly ssl: ConnectionOptions | null | undefined;
  onConnect(): void;
}

/** For kafkajs's constructor. */
export interface KafkajsOptions {
  readonly brokers: () => Promise<string[]>;
  /** For producers too, whose own default gives up; not for consumers. */
  readonly retry: { readonly retries: number; readonly initialRetryTime: number; readonly maxRetryTime: number };
  /** Connects to nobody that the list's gate refuses, whoever named the address. */
  readonly socketFactory: (request: SocketRequest) => Socket;
}

/**
 * It sends only what it was given once, and only after the last answer, so trying for ever is what keeps it. The waits,
 * ms, are short against the seconds that brokers take to come back, and long against the round trip of a dial.
 */
const RETRY = { retries: Number.MAX_SAFE_INTEGER, initialRetryTime: 100, maxRetryTime: 1_000 };

/**
 * kafkajs on a live list: `new Kafka({ ...kafkajsOptions(brokers) })`. It asks for the list at its first connect and again
 * after each failed dial, so the same producer, consumer or admin client follows its brokers anywhere.
 *
 * Nothing acknowledged is lost or doubled only with `producer({ idempotent: true, maxInFlightRequests: 1, retry })`, one
 * `send` at a time, and the partition given in each message: after an error kafkajs uses a sequence number again, and a
 * message without a partition gets another one with each retry (2.2.4). Anything else is at-least-once at best.
 *
 * Give a consumer no `retry`, `consumer({ groupId })`, or one with a few `retries`: after 5, which is its default, it starts
 * again by itself and joins its group where that is now. One that retries for ever asks its old coordinator for ever: it
 * consumes, but commits nothing any more (2.2.4).
 *
 * Give the list `probe`, `clusterId` or `allow`: a broker is then asked before kafkajs has the connection. Otherwise one that
 * takes connections and answers nothing, and is the first that kafkajs meets, keeps it for as long as it hangs (2.2.4).
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
      // Of what a socket has, kafkajs uses what a stream has, and unref().
      return socket.once('connect', onConnect) as unknown as Socket;
    },
  };
}
