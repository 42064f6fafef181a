import type { Revision } from '../model/revision.js';
import { Slices } from '../runtime/slices.js';
import { Items } from './items.js';
import type { DecodedPut } from './puts.js';

/** A value, or a part of one, that cannot be used. */
export interface Quarantined {
  readonly key: string;
  /** Where the bad value was written. */
  readonly revision: Revision;
  /** One line, printable, at most 200 characters. */
  readonly reason: string;
  /** Wall-clock time, ms since the Unix epoch, when the key first became bad. */
  readonly since: number;
}

/** The items of a collection and what is wrong with the rest: one immutable value. */
export interface DecodedState<T> {
  readonly items: Items<T>;
  readonly quarantine: Items<Quarantined>;
}

export function nothingDecoded<T>(): DecodedState<T> {
  return { items: Items.empty(), quarantine: Items.empty() };
}

/**
 * The state after some puts and deletes, at most one a key: a bad value keeps its key's last good item, a deleted key
 * loses item and quarantine. A map in which nothing changed is the very same object.
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

/** How many keys there are, usable or not. */
export function countKeys<T>({ items, quarantine }: DecodedState<T>): number {
  let count = items.size;
  for (const key of quarantine.keys()) if (!items.has(key)) count++;
  return count;
}
