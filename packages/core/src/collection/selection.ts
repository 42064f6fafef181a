import type { Change } from '../model/types.js';

/** Which of a watcher's keys a collection shows, and under which names. */
export interface Selection {
  /** The changes that concern it, by the collection's keys. */
  changes(changes: readonly Change[]): readonly Change[];
  /** The watcher's key for one of the collection's. */
  whole(key: string): string;
}

/** The keys that begin with the prefix, named by what follows it. */
export function underPrefix(prefix: string): Selection {
  const select = (change: Change): Change[] =>
    change.key.startsWith(prefix) ? [{ ...change, key: change.key.slice(prefix.length) }] : [];
  return {
    changes: (changes) => (prefix === '' ? changes : changes.flatMap(select)),
    whole: (key) => prefix + key,
  };
}

/** One key, by its own name. */
export function oneKey(name: string): Selection {
  return {
    changes: (changes) => changes.filter(({ key }) => key === name),
    whole: (key) => key,
  };
}
