import type { BrokerList } from '@rollcall/kafka';
import type { ClientName } from '../clients.js';

/** How a producer learns where its brokers are. */
export type Way = 'native' | 'relay' | 'static';

/** What a producer's process is started with. */
export interface ProducerSetting {
  readonly client: ClientName;
  readonly way: Way;
  /** URL of the registry's keys; unused when static. */
  readonly registry: string;
  /** A static list. */
  readonly servers: readonly string[];
  readonly topic: string;
  readonly partitions: number;
  /** Which of the producers that write to this topic. */
  readonly producer: number;
  /** Each numbers its own messages. */
  readonly senders: number;
  readonly keyed: boolean;
  /** A sender's next message is due so long after its last, ms; none is sent before the last one's outcome. */
  readonly periodMs: number;
  /** Not as recommended: kafkajs with several sends in flight, or a client that does not send again what failed. */
  readonly unsafe?: 'concurrent' | 'impatient';
  /** Of `brokerList()`. */
  readonly list: Readonly<Record<string, unknown>>;
}

/** As the process is started: with the client's own place. */
export interface ProducerConfig extends ProducerSetting {
  /** A folder with `node_modules`. */
  readonly folder: string;
}

/** A message is acknowledged; sending one failed; the client asks where its brokers are. */
export type Happening = 'acknowledged' | 'failed' | 'asked';

export type Request =
  /** Answered when so many of these have happened at or after `at` (wall clock, ms). */
  | {
      readonly type: 'since';
      readonly what: Happening;
      readonly id: number;
      readonly at: number;
      readonly count: number;
    }
  /** Answered by the counts of now. */
  | { readonly type: 'counts'; readonly id: number }
  /** No more messages; what is not settled within `withinMs` is given up as pending. Answered by the record, then it ends. */
  | { readonly type: 'stop'; readonly withinMs: number };

export type Report =
  | { readonly type: 'list'; readonly at: number; readonly brokers: readonly string[] }
  /** The client is connected. */
  | { readonly type: 'started'; readonly at: number }
  | { readonly type: 'status'; readonly at: number; readonly state: string; readonly code: string | undefined }
  /** `at`: of the first of what was waited for. */
  | { readonly type: 'reached'; readonly id: number; readonly at: number }
  | ({ readonly type: 'counts'; readonly id: number } & Counts)
  | { readonly type: 'log'; readonly level: string; readonly message: string }
  | ({ readonly type: 'record' } & ProducerRecord);

/** How a producer stands. Times are of the wall clock, ms. */
export interface Counts {
  readonly at: number;
  readonly acknowledged: number;
  /** Of these, how many in the last second. */
  readonly perSecond: number;
  readonly failed: number;
  /** Of the last acknowledgement; null: there was none. */
  readonly lastAt: number | null;
}

/** All that happened to one producer. Times are of the wall clock, ms. */
export interface ProducerRecord {
  readonly senders: readonly SenderRecord[];
  /** Whether it came to its end by itself in the time that it was given. */
  readonly settled: boolean;
  /** Each list that was published. */
  readonly lists: readonly { readonly at: number; readonly brokers: readonly string[] }[];
  /** When the client asked where its brokers are: called for the list, or connected to the relay. */
  readonly asked: readonly number[];
  /** Each attempt at a TCP connection of the process, also Rollcall's own: to which `host:port`, and when. */
  readonly connections: readonly { readonly at: number; readonly to: string; readonly established: boolean }[];
}

/** What became of the messages 0, 1, 2, … of one sender. */
export interface SenderRecord {
  /** When each was acknowledged; null: it was not. */
  readonly acknowledged: readonly (number | null)[];
  readonly failed: readonly { readonly number: number; readonly at: number; readonly error: string }[];
}

/** The value of a message. */
export interface Numbered {
  /** Which of those that write to the topic. */
  readonly producer: number;
  readonly sender: number;
  readonly number: number;
}

/** What a client's `open` is given, in the producer's process. It resolves with a function that sends, and one that closes. */
export interface Opening {
  readonly config: ProducerConfig;
  readonly recorder: import('./recorder.mjs').Recorder;
  /** For the native way. */
  readonly brokers: BrokerList | undefined;
  /** A static list, or the relay's address; empty on the native way. */
  readonly servers: readonly string[];
  /** Aborted when the producer is told to end: a client that connects then should give up. */
  readonly signal: AbortSignal;
}
