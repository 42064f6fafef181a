import { createHash } from 'node:crypto';
import { BrokerAddress } from '@rollcall/core';

export interface OrderOptions {
  /**
   * Shuffles: the same seed and set of addresses give the same order, and one that comes or goes moves no other. Give
   * each process its own, so that not all of them bootstrap from the same broker. Default: ordered by host, then port.
   */
  readonly shuffle?: number | string;
  /** At most so many, spread over the brokers' racks. Default: all. */
  readonly limit?: number;
}

/** What decides the place of a broker in a list. */
export interface Orderable {
  readonly address: BrokerAddress;
  readonly rack?: string;
  /** Comes into a limited list only where the others leave room. */
  readonly unsure?: boolean;
}

/**
 * The bootstrap list of some addresses: each once, in the order of `BrokerAddress.compare`, so that it depends on the set
 * of addresses alone and not on which key names them.
 */
export function bootstrapServers(addresses: Iterable<BrokerAddress>): readonly string[] {
  const byText = new Map<string, BrokerAddress>();
  for (const address of addresses) byText.set(String(address), address);
  const sorted = [...byText].sort(([, a], [, b]) => BrokerAddress.compare(a, b));
  return Object.freeze(sorted.map(([text]) => text));
}

/** The bootstrap list of some brokers: each address once, in order, and no more than the limit. */
export function ordered(
  brokers: readonly Orderable[],
  { shuffle, limit = Number.POSITIVE_INFINITY }: OrderOptions,
): readonly string[] {
  const sorted = bootstrapServers(brokers.map(({ address }) => address));
  const addresses = shuffle === undefined ? sorted : shuffled(sorted, shuffle);
  if (addresses.length <= limit) return addresses;
  const about = new Map(brokers.map((broker) => [String(broker.address), broker]));
  const spread = roundRobin(addresses, (address) => about.get(address)?.rack ?? '');
  const isUnsure = (address: string): boolean => about.get(address)?.unsure === true;
  const preferred = [...spread.filter((address) => !isUnsure(address)), ...spread.filter(isUnsure)];
  const within = new Set(preferred.slice(0, limit));
  return Object.freeze(addresses.filter((address) => within.has(address)));
}

/** Rendezvous hashing (Thaler and Ravishankar, 1998): each address has a place of its own, whatever the others are. */
function shuffled(addresses: readonly string[], seed: number | string): readonly string[] {
  const place = (address: string): string => createHash('sha256').update(`${seed}\0${address}`).digest('hex');
  const placed = addresses.map((address) => ({ address, place: place(address) }));
  placed.sort((a, b) => (a.place < b.place ? -1 : 1));
  return Object.freeze(placed.map(({ address }) => address));
}

/** The first of each group, then the second of each, and so on; the groups in the order of their firsts. */
function roundRobin<T>(items: readonly T[], groupOf: (item: T) => string): readonly T[] {
  const taken = new Map<string, number>();
  const turns = items.map((item) => {
    const turn = taken.get(groupOf(item)) ?? 0;
    taken.set(groupOf(item), turn + 1);
    return { item, turn };
  });
  // Sorting is stable.
  return turns.sort((a, b) => a.turn - b.turn).map(({ item }) => item);
}
