import { createHash } from 'node:crypto';
import { BrokerAddress } from '@rollcall/core';

export interface OrderOptions {
  /**
   * Shuffles the list by this seed. The same seed and addresses give the same order, and a broker that comes or goes
   * moves no other. Give each process its own, so that they spread over the brokers. Default: ordered by host, then
   * port.
   */
  readonly shuffle?: number | string;
  /** The most brokers in the list, spread over their racks. Default: all. */
  readonly limit?: number;
}

/** What the order of a list depends on. */
export interface Orderable {
  readonly address: BrokerAddress;
  readonly rack?: string;
  /** Whether the broker has not proven itself: in a limited list it comes after those that have. */
  readonly unsure?: boolean;
}

/**
 * Orders addresses by `BrokerAddress.compare`, each once. So the list depends on the set of addresses, and not on which
 * keys name them.
 */
export function bootstrapServers(addresses: Iterable<BrokerAddress>): readonly string[] {
  const byText = new Map<string, BrokerAddress>();
  for (const address of addresses) byText.set(String(address), address);
  const sorted = [...byText].sort(([, a], [, b]) => BrokerAddress.compare(a, b));
  return Object.freeze(sorted.map(([text]) => text));
}

/** Orders brokers, each address once, and cuts the list at the limit. */
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

/**
 * Rendezvous hashing (Thaler and Ravishankar, 1998): the place of an address depends on the address and the seed alone.
 */
function shuffled(addresses: readonly string[], seed: number | string): readonly string[] {
  const place = (address: string): string => createHash('sha256').update(`${seed}\0${address}`).digest('hex');
  const placed = addresses.map((address) => ({ address, place: place(address) }));
  placed.sort((a, b) => (a.place < b.place ? -1 : 1));
  return Object.freeze(placed.map(({ address }) => address));
}

/** Takes the first of each group, then the second of each, and so on. Groups keep the order of their first members. */
function roundRobin<T>(items: readonly T[], groupOf: (item: T) => string): readonly T[] {
  const taken = new Map<string, number>();
  const turns = items.map((item) => {
    const turn = taken.get(groupOf(item)) ?? 0;
    taken.set(groupOf(item), turn + 1);
    return { item, turn };
  });
  // The sort is stable: equal ones keep their order.
  return turns.sort((a, b) => a.turn - b.turn).map(({ item }) => item);
}
