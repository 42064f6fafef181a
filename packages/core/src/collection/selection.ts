import type { Change } from '../model/types.js';

/** Which of a watcher's keys a collection shows, and under which names. */
export interface KeySelection {
  /** The changes that concern it, by the collection's keys. */
  changes(changes: readonly Change[]): readonly Change[];
  /** The watcher's key for one of the collection's. */
  whole(key: string): string;
}

/**
 * The keys that begin with the prefix, named by what follows it.
 * @param folders whether folder markers are among them: keys that end in "/", and one that equals a prefix that is given.
 * @param watched the watcher's own prefix: a key without a name in a folder is the folder's marker.
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

/** One key, by its own name. */
export function oneKey(name: string): KeySelection {
  return {
    changes: (changes) => changes.filter(({ key }) => key === name),
    whole: (key) => key,
  };
}
