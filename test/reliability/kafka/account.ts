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

/** Compares what one of the producers of a topic was told with what the topic holds. */
export function accountOf(producer: number, { senders }: ProducerRecord, stored: readonly Stored[]): Account {
  const storedOf = (sender: number): Stored[] =>
    stored.filter((each) => each.producer === producer && each.sender === sender);
  return sumOf(senders.map((sender, index) => accountOfSender(sender, storedOf(index))));
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

function accountOfSender({ acknowledged, failed }: SenderRecord, stored: readonly Stored[]): Account {
  const numbers = acknowledged.flatMap((at, number) => (at === null ? [] : [number]));
  const { lost, duplicated } = tally(
    numbers,
    stored.map(({ number }) => number),
  );
  const partitions = [...new Set(stored.map(({ partition }) => partition))];
  const inPartition = (partition: number): number[] =>
    stored.filter((each) => each.partition === partition).map(({ number }) => number);
  const delivered = new Set(stored.map(({ number }) => number));
  return {
    acknowledged: numbers.length,
    lost: lost.length,
    duplicated: duplicated.length,
    reordered: partitions.reduce((sum, each) => sum + tally([], inPartition(each)).reordered.length, 0),
    failed: failed.length,
    failedButDelivered: failed.filter(({ number }) => delivered.has(number)).length,
    pending: acknowledged.length - numbers.length - failed.length,
  };
}
