import type { BrokerList } from '@rollcall/kafka';
import type { ClientName } from '../clients.js';

/** How a producer gets its brokers. */
export type Way = 'native' | 'relay' | 'static';

/** The arguments of a producer's process. */
export interface ProducerSetting {
  readonly client: ClientName;
  readonly way: Way;
  /** URL of the registry's keys; unused when static. */
  readonly registry: string;
  /** A static list. */
  readonly servers: readonly string[];
  readonly topic: string;
  readonly partitions: number;
  /** The number of this producer among those that write to the topic. */
  readonly producer: number;
  /** The number of senders; each numbers its own messages. */
  readonly senders: number;
  readonly keyed: boolean;
  /** The time from a sender's message to its next one, ms. None is sent before the last one's outcome. */
  readonly periodMs: number;
  /** Not as recommended: kafkajs with several sends in flight, or a client that does not retry. */
  readonly unsafe?: 'concurrent' | 'impatient';
  /** The options of `brokerList()`. */
  readonly list: Readonly<Record<string, unknown>>;
}

/** The arguments with the client's own folder. */
export interface ProducerConfig extends ProducerSetting {
  /** The folder that holds `node_modules`. */
  readonly folder: string;
}

/** Events: a message is acknowledged; sending one failed; the client asks for its brokers. */
export type Happening = 'acknowledged' | 'failed' | 'asked';

export type Request =
  /** Answered when this many of these events have happened at or after `at` (wall clock, ms). */
  | {
      readonly type: 'since';
      readonly what: Happening;
      readonly id: number;
      readonly at: number;
      readonly count: number;
    }
  /** Answered with the present counts. */
  | { readonly type: 'counts'; readonly id: number }
  /**
   * Sends no more. Messages without an outcome after `withinMs` are recorded as pending. Answered with the record; then
   * the process ends.
   */
  | { readonly type: 'stop'; readonly withinMs: number };

export type Report =
  | { readonly type: 'list'; readonly at: number; readonly brokers: readonly string[] }
  /** The client is connected. */
  | { readonly type: 'started'; readonly at: number }
  | { readonly type: 'status'; readonly at: number; readonly state: string; readonly code: string | undefined }
  /** `at`: the time of the first of the awaited events. */
  | { readonly type: 'reached'; readonly id: number; readonly at: number }
  | ({ readonly type: 'counts'; readonly id: number } & Counts)
  | { readonly type: 'log'; readonly level: string; readonly message: string }
  | ({ readonly type: 'record' } & ProducerRecord);

/** A producer's counts. Times are of the wall clock, ms. */
export interface Counts {
  readonly at: number;
  readonly acknowledged: number;
  /** Of these, how many in the last second. */
  readonly perSecond: number;
  readonly failed: number;
  /** The time of the last acknowledgement; null if there was none. */
  readonly lastAt: number | null;
}

/** All that happened to one producer. Times are of the wall clock, ms. */
export interface ProducerRecord {
  readonly senders: readonly SenderRecord[];
  /** Whether all messages had an outcome within the time that was given. */
  readonly settled: boolean;
  /** Each list that was published. */
  readonly lists: readonly { readonly at: number; readonly brokers: readonly string[] }[];
  /** When the client asked for its brokers: it called for the list, or connected to the relay. */
  readonly asked: readonly number[];
  /** Each TCP connection that the process attempted, also Rollcall's own: its `host:port` and its time. */
  readonly connections: readonly { readonly at: number; readonly to: string; readonly established: boolean }[];
}

/** The outcomes of the messages 0, 1, 2, … of one sender. */
export interface SenderRecord {
  /** When each was acknowledged; null if it was not. */
  readonly acknowledged: readonly (number | null)[];
  readonly failed: readonly { readonly number: number; readonly at: number; readonly error: string }[];
}

/** The value of a message. */
export interface Numbered {
  /** The producer's number. */
  readonly producer: number;
  readonly sender: number;
  readonly number: number;
}

/**
 * What a client's `open` gets, in the producer's process. It resolves with a function that sends, and one that closes.
 */
export interface Opening {
  readonly config: ProducerConfig;
  readonly recorder: import('./recorder.mjs').Recorder;
  /** For a client that follows the list itself. */
  readonly brokers: BrokerList | undefined;
  /** A static list, or the relay's address; empty for a client that follows the list itself. */
  readonly servers: readonly string[];
  /** Aborts when the producer is told to end: a client that is connecting then should give up. */
  readonly signal: AbortSignal;
}
