import type { Account } from '../reliability/kafka/account.js';

/** The two that are shown side by side: kafkajs alike, but for where it has its brokers from. */
export type ProducerName = 'static' | 'rollcall';

/** What the demonstration tells, in this order. */
export type Line =
  /** The registry, and the brokers that run. */
  | { readonly type: 'demo'; readonly file: string; readonly brokers: readonly string[] }
  /** Both have connected; their counts follow, again and again. */
  | { readonly type: 'sending' }
  | ({ readonly type: 'counts'; readonly producer: ProducerName } & Standing)
  | { readonly type: 'killed'; readonly brokers: readonly string[] }
  | { readonly type: 'moved'; readonly brokers: readonly string[] }
  | { readonly type: 'edited'; readonly file: string }
  /** Its first acknowledgement came so long after the last broker was killed, and after the edit. */
  | { readonly type: 'recovered'; readonly producer: 'rollcall'; readonly gapMs: number; readonly afterEditMs: number }
  /** What the topic holds is read. */
  | { readonly type: 'reading' }
  | ({ readonly type: 'result'; readonly producer: ProducerName } & Account)
  | { readonly type: 'verdict'; readonly text: string };

/** How a producer stands. */
export interface Standing {
  readonly acknowledged: number;
  /** Of these, how many in the last second. */
  readonly perSecond: number;
  /** Since its last acknowledgement, ms; 0: there was none yet. */
  readonly waitingMs: number;
  readonly failed: number;
}

/** Takes a line to where it is shown. */
export type Tell = (line: Line) => void;
