import type { Resume } from '../adapter/source.js';
import { compareRevisions } from '../model/revision.js';
import type { Entry, KeyMap, Snapshot } from '../model/types.js';

/** Where a new attempt continues, and what must be true there. */
export function resumeAfter({ revision, entries }: Snapshot): Resume {
  const newest = newestOf(entries);
  return { revision, proof: { count: entries.size, ...(newest && { newest }) } };
}

function newestOf(entries: KeyMap): { key: string; entry: Entry } | undefined {
  let newest: { key: string; entry: Entry; revision: string } | undefined;
  for (const [key, entry] of entries) {
    const { revision } = entry;
    if (revision === undefined) continue;
    if (newest === undefined || compareRevisions(revision, newest.revision) > 0) newest = { key, entry, revision };
  }
  return newest && { key: newest.key, entry: newest.entry };
}
