import { tally } from '../../support/numbered.js';
import type { ProducerRecord, SenderRecord } from '../../support/producers/protocol.js';
import type { Stored } from './truth.js';

/** What became of a producer's messages: how many. */
export interface Account {
  readonly acknowledged: number;
  /** Acknowledged and not stored. */
  readonly lost: number;
  /** Stored more than once. */
  readonly duplicated: number;
  /** Stored after a later one of the same sender, in the same partition. */
  readonly reordered: number;
  readonly failed: number;
  /** The client said that sending failed, and it is stored. */
  readonly failedButDelivered: number;
  /** Without an outcome when the producer was stopped. */
  readonly pending: number;
}

/** A message that is lost, duplicated or reordered. */
export interface Fault {
  readonly kind: 'lost' | 'duplicated' | 'reordered';
  readonly sender: number;
  readonly number: number;
  /** When it was acknowledged, wall clock, ms; null: it was not. */
  readonly at: number | null;
}

export interface Accounted {
  readonly account: Account;
  readonly faults: readonly Fault[];
}

/** Compares what one of the producers of a topic was told with what the topic holds. */
export function accountOf(producer: number, { senders }: ProducerRecord, stored: readonly Stored[]): Accounted {
  const accounted = senders.map((record, sender) => {
    const its = stored.filter((each) => each.producer === producer && each.sender === sender);
    return accountOfSender(sender, record, its);
  });
  return {
    account: sumOf(accounted.map(({ account }) => account)),
    faults: accounted.flatMap(({ faults }) => faults),
  };
}

/** Each count of all of them together. */
export function sumOf(accounts: readonly Account[]): Account {
  const sum = (count: keyof Account): number => accounts.reduce((total, each) => total + each[count], 0);
  return {
    acknowledged: sum('acknowledged'),
    lost: sum('lost'),
    duplicated: sum('duplicated'),
    reordered: sum('reordered'),
    failed: sum('failed'),
    failedButDelivered: sum('failedButDelivered'),
    pending: sum('pending'),
  };
}

function accountOfSender(sender: number, { acknowledged, failed }: SenderRecord, stored: readonly Stored[]): Accounted {
  const numbers = acknowledged.flatMap((at, number) => (at === null ? [] : [number]));
  const { lost, duplicated } = tally(numbers, numbersOf(stored));
  const partitions = [...new Set(stored.map(({ partition }) => partition))];
  const reordered = partitions.flatMap(
    (partition) => tally([], numbersOf(stored.filter((each) => each.partition === partition))).reordered,
  );
  const delivered = new Set(numbersOf(stored));
  const faults = (kind: Fault['kind'], which: readonly number[]): Fault[] =>
    which.map((number) => ({ kind, sender, number, at: acknowledged[number] ?? null }));
  return {
    account: {
      acknowledged: numbers.length,
      lost: lost.length,
      duplicated: duplicated.length,
      reordered: reordered.length,
      failed: failed.length,
      failedButDelivered: failed.filter(({ number }) => delivered.has(number)).length,
      pending: acknowledged.length - numbers.length - failed.length,
    },
    faults: [...faults('lost', lost), ...faults('duplicated', duplicated), ...faults('reordered', reordered)],
  };
}

const numbersOf = (stored: readonly Stored[]): number[] => stored.map(({ number }) => number);
