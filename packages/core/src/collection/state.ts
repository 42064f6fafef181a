import type { Revision } from '../model/revision.js';
import { Slices } from '../runtime/slices.js';
import { Items } from './items.js';
import type { DecodedPut } from './puts.js';

/** A value, or a part of one, that cannot be used. */
export interface Quarantined {
  readonly key: string;
  /** The revision of the bad value. */
  readonly revision: Revision;
  /** Why it cannot be used: one printable line of at most 200 characters. */
  readonly reason: string;
  /** When the key became bad; wall clock, ms since the Unix epoch. */
  readonly since: number;
}

/** The items and the quarantine of a collection: one immutable value. */
export interface DecodedState<T> {
  readonly items: Items<T>;
  readonly quarantine: Items<Quarantined>;
}

export function nothingDecoded<T>(): DecodedState<T> {
  return { items: Items.empty(), quarantine: Items.empty() };
}

/**
 * The state after puts and deletes, at most one a key. A bad value leaves its key's last good item; a deleted key loses
 * its item and its quarantine. A map without changes stays the same object.
 * @param wallNow wall-clock time, ms since the Unix epoch.
 */
export async function applyDecoded<T>(
  before: DecodedState<T>,
  puts: readonly DecodedPut<T>[],
  deletes: readonly string[],
  wallNow: number,
): Promise<DecodedState<T>> {
  const slices = new Slices();
  const good: [string, T][] = [];
  const bad: [string, Quarantined][] = [];
  const healed: string[] = [];
  for (const { key, revision, outcome } of puts) {
    if ('item' in outcome) good.push([key, outcome.item]);
    const reason = 'item' in outcome ? outcome.rejected : outcome.reason;
    if (reason === undefined) healed.push(key);
    else bad.push([key, { key, revision, reason, since: before.quarantine.get(key)?.since ?? wallNow }]);
    if (slices.isOver) await slices.turn();
  }
  return {
    items: await before.items.edited(good, deletes, slices),
    quarantine: await before.quarantine.edited(bad, [...deletes, ...healed], slices),
  };
}

/** The number of keys, usable or not. */
export function countKeys<T>({ items, quarantine }: DecodedState<T>): number {
  let count = items.size;
  for (const key of quarantine.keys()) if (!items.has(key)) count++;
  return count;
}
