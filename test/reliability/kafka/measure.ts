import type { ProducerRecord } from '../../support/producers/protocol.js';

/** From when to when, wall clock, ms. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

const within = ({ from, to }: Span, at: number): boolean => from <= at && at <= to;

/** The longest time between two acknowledgements of one sender, the later of them in this span, ms. */
export function longestGapMs({ senders }: ProducerRecord, span: Span): number {
  let longest = 0;
  for (const { acknowledged } of senders) {
    let last: number | undefined;
    for (const at of acknowledged) {
      if (at === null) continue;
      if (last !== undefined && within(span, at)) longest = Math.max(longest, at - last);
      last = at;
    }
  }
  return longest;
}

/** When the client asked where its brokers are. */
export function rebootstraps({ asked }: ProducerRecord, span: Span): number[] {
  return asked.filter((at) => within(span, at));
}

export interface Connections extends Span {
  /** `host:port` that do not count. */
  readonly except: (to: string) => boolean;
}

/** The connections that were opened. */
export function connections({ connections: all }: ProducerRecord, { except, ...span }: Connections) {
  return all.filter(({ at, to, established }) => established && within(span, at) && !except(to));
}

/** The value that so much of them are not above; nearest rank. NaN when there are none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
