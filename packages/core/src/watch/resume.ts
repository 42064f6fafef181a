import type { Resume, SourceEvent } from '../adapter/source.js';
import type { Revision } from '../model/revision.js';
import { compareRevisions } from '../model/revision.js';
import type { Entry, KeyMap, Snapshot } from '../model/types.js';

export interface KeyedEntry {
  readonly key: string;
  readonly entry: Entry;
}

/** Where a new attempt continues, and what proves the history there. @param newest as `newestOf` returns it. */
export function resumeAfter(
  { revision, entries }: Snapshot,
  newest: KeyedEntry | undefined,
  identity: string | undefined,
): Resume {
  const proof = { count: entries.size, ...(newest && { newest }) };
  return { revision, proof, ...(identity !== undefined && { identity }) };
}

/**
 * The entry with the highest revision. Searches all entries only if the known one is gone: 100,000 entries take some
 * milliseconds, and a watch that is proven by reads asks every few seconds.
 */
export function newestOf(entries: KeyMap, known: KeyedEntry | undefined): KeyedEntry | undefined {
  if (known !== undefined && entries.get(known.key) === known.entry) return known;
  let newest: { key: string; entry: Entry; revision: Revision } | undefined;
  for (const [key, entry] of entries) {
    const { revision } = entry;
    if (revision === undefined) continue;
    if (newest === undefined || compareRevisions(revision, newest.revision) > 0) newest = { key, entry, revision };
  }
  return newest && { key: newest.key, entry: newest.entry };
}

/** The newest entry after a delta: the last one that it puts; otherwise the known one. */
export function newerOf(known: KeyedEntry | undefined, events: readonly SourceEvent[]): KeyedEntry | undefined {
  for (let i = events.length - 1; i >= 0; i--) {
    const event = events[i];
    if (event?.type === 'put') return event;
  }
  return known;
}
