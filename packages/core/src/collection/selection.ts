import type { Change } from '../model/types.js';

/** The keys of a watcher that a collection shows, and their names in the collection. */
export interface KeySelection {
  /** The changes of the collection's keys, by its own names. */
  changes(changes: readonly Change[]): readonly Change[];
  /** The watcher's key for a name of the collection. */
  whole(key: string): string;
}

/**
 * The keys with the prefix, named by the rest of the key.
 * @param folders whether folder markers are shown: keys that end in "/", and a key that equals a given prefix.
 * @param watched the watcher's prefix: a key without a name in a folder is the folder's marker.
 */
export function underPrefix(prefix: string, { folders, watched }: { folders: boolean; watched: string }): KeySelection {
  const isShown = (key: string): boolean =>
    key.startsWith(prefix) && (folders || !(`${watched}${key}`.endsWith('/') || (key === prefix && prefix !== '')));
  const shorter = (change: Change): Change => ({ ...change, key: change.key.slice(prefix.length) });
  return {
    changes: (changes) => {
      if (prefix === '' && changes.every(({ key }) => isShown(key))) return changes;
      return changes.filter(({ key }) => isShown(key)).map(shorter);
    },
    whole: (key) => prefix + key,
  };
}

/** One key, under its own name. */
export function oneKey(name: string): KeySelection {
  return {
    changes: (changes) => changes.filter(({ key }) => key === name),
    whole: (key) => key,
  };
}
