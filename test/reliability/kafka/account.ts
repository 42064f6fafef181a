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

/** Compares what one of the producers of a topic was told with what the topic holds. */
export function accountOf(producer: number, record: ProducerRecord, stored: readonly Stored[]): Account {
  const accounts = record.senders.map((sender, index) => {
    const { lost, duplicated, reordered } = compare(sender, storedOf(stored, producer, index));
    const acknowledged = sender.acknowledged.filter((at) => at !== null).length;
    const delivered = new Set(numbersOf(storedOf(stored, producer, index)));
    return {
      acknowledged,
      lost: lost.length,
      duplicated: duplicated.length,
      reordered: reordered.length,
      failed: sender.failed.length,
      failedButDelivered: sender.failed.filter(({ number }) => delivered.has(number)).length,
      pending: sender.acknowledged.length - acknowledged - sender.failed.length,
    };
  });
  return sumOf(accounts);
}

/** The same, message by message. */
export function faultsOf(producer: number, record: ProducerRecord, stored: readonly Stored[]): Fault[] {
  return record.senders.flatMap((sender, index) => {
    const compared = compare(sender, storedOf(stored, producer, index));
    return (['lost', 'duplicated', 'reordered'] as const).flatMap((kind) =>
      compared[kind].map((number) => ({ kind, sender: index, number, at: sender.acknowledged[number] ?? null })),
    );
  });
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

function compare({ acknowledged }: SenderRecord, stored: readonly Stored[]) {
  const numbers = acknowledged.flatMap((at, number) => (at === null ? [] : [number]));
  const { lost, duplicated } = tally(numbers, numbersOf(stored));
  const partitions = [...new Set(stored.map(({ partition }) => partition))];
  const reordered = partitions.flatMap(
    (partition) => tally([], numbersOf(stored.filter((each) => each.partition === partition))).reordered,
  );
  return { lost, duplicated, reordered };
}

const storedOf = (stored: readonly Stored[], producer: number, sender: number): Stored[] =>
  stored.filter((each) => each.producer === producer && each.sender === sender);

const numbersOf = (stored: readonly Stored[]): number[] => stored.map(({ number }) => number);
