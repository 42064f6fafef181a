import { compareRevisions, type Entry, WatchError } from '@rollcall/core';
import type { Delta, Update } from '@rollcall/core/adapter';
import { type Spoil, sources, targets, updates } from './wrap.js';

/** A bad adapter, and the scenario that must fail it. */
export interface Mutant {
  readonly name: string;
  readonly scenario: string;
  /** `memory`: it has deltas, a history and writes. `http`: it polls a server. */
  readonly base: 'memory' | 'http';
  readonly spoil: Spoil;
}

type Snapshot = Extract<Update, { type: 'snapshot' }>;
type Pair = readonly [string, Entry];

const text = (value: string): Uint8Array => Buffer.from(value);

const snapshots = (change: (snapshot: Snapshot) => Iterable<Update>): Spoil =>
  updates((update) => (update.type === 'snapshot' ? change(update) : [update]));

const deltas = (change: (delta: Delta) => Iterable<Update>): Spoil =>
  updates((update) => (update.type === 'delta' ? change(update) : [update]));

const entries = (change: (pairs: Pair[]) => Iterable<Pair>): Spoil =>
  snapshots((snapshot) => [{ ...snapshot, entries: change([...snapshot.entries]) }]);

const REVISIONS: readonly Mutant[] = [
  {
    name: 'gives an ETag for a revision',
    scenario: 'S01',
    base: 'http',
    spoil: snapshots((snapshot) => [{ ...snapshot, revision: `"${snapshot.revision}"` }]),
  },
  {
    name: 'has no revisions, and gives 0',
    scenario: 'S01',
    base: 'http',
    spoil: snapshots((snapshot) => [{ ...snapshot, revision: '0' }]),
  },
  {
    name: 'gives revisions as numbers',
    scenario: 'S01',
    base: 'http',
    spoil: snapshots((snapshot) => [{ ...snapshot, revision: Number(snapshot.revision) as never }]),
  },
  {
    name: 'counts its revisions downwards',
    scenario: 'S01.empty',
    base: 'http',
    spoil: snapshots((snapshot) => [{ ...snapshot, revision: String(1_000_000 - Number(snapshot.revision)) }]),
  },
  {
    name: 'names another cluster in every answer',
    scenario: 'S01.empty',
    base: 'http',
    spoil: snapshots((snapshot) => [{ ...snapshot, identity: `boot ${snapshot.revision}` }]),
  },
  {
    name: 'gives a bookmark ahead of what it has delivered',
    scenario: 'S01.empty',
    base: 'memory',
    spoil: snapshots((snapshot) => [
      snapshot,
      { type: 'bookmark', revision: String(Number(snapshot.revision) + 1000) },
    ]),
  },
  {
    name: 'puts an event above its delta',
    scenario: 'S01.empty',
    base: 'memory',
    spoil: deltas((delta) => [{ ...delta, revision: String(Number(delta.revision) - 1) }]),
  },
  {
    name: 'begins with a delta',
    scenario: 'S01',
    base: 'memory',
    spoil: snapshots((snapshot) => {
      const events = Array.from(snapshot.entries, ([key, entry]) => ({ type: 'put', key, entry }) as const);
      return [{ type: 'delta', revision: snapshot.revision, events }];
    }),
  },
];

const CONTENT: readonly Mutant[] = [
  { name: 'leaves a key out', scenario: 'S01', base: 'http', spoil: entries((pairs) => pairs.slice(1)) },
  {
    name: 'splits a transaction',
    scenario: 'S02',
    base: 'memory',
    spoil: deltas((delta) => [{ ...delta, events: delta.events.slice(0, 50) }]),
  },
  {
    name: 'reports no deletes',
    scenario: 'S03.all',
    base: 'memory',
    spoil: deltas((delta) => [{ ...delta, events: delta.events.filter(({ type }) => type === 'put') }]),
  },
  {
    name: 'gives whole keys',
    scenario: 'S03',
    base: 'memory',
    spoil: sources((source) => ({
      watch: async function* (target, options) {
        for await (const update of source.watch(target, options)) {
          yield update.type === 'snapshot'
            ? {
                ...update,
                entries: Array.from(update.entries, ([key, entry]) => [target.prefix + key, entry] as const),
              }
            : update;
        }
      },
    })),
  },
  {
    name: 'takes a prefix for a folder',
    scenario: 'S03',
    base: 'http',
    spoil: targets(({ prefix, ...rest }) => ({ ...rest, prefix: prefix.replace(/\/$/, '') })),
  },
  {
    name: 'takes one key for a prefix',
    scenario: 'S03',
    base: 'http',
    spoil: targets(({ prefix }) => ({ prefix })),
  },
  {
    name: 'decodes the prefix a second time',
    scenario: 'S03.text',
    base: 'http',
    spoil: targets(({ prefix, ...rest }) => ({ ...rest, prefix: unescaped(prefix) })),
  },
  {
    name: 'leaves out keys with empty values',
    scenario: 'S04',
    base: 'http',
    spoil: entries((pairs) => pairs.filter(([, { value }]) => value.length > 0)),
  },
  {
    name: 'takes values for text',
    scenario: 'S04.binary',
    base: 'http',
    spoil: entries((pairs) =>
      pairs.map(([key, { value }]) => [key, { value: text(Buffer.from(value).toString()) }] as const),
    ),
  },
  {
    name: 'gives values as text',
    scenario: 'S01',
    base: 'http',
    spoil: entries((pairs) => pairs.map(([key]) => [key, { value: 'text' as never }] as const)),
  },
  {
    name: 'uses one buffer for all values',
    scenario: 'S04',
    base: 'http',
    spoil: entries((pairs) => {
      const shared = pairs.at(-1)?.[1] ?? { value: text('') };
      return pairs.map(([key]) => [key, shared] as const);
    }),
  },
  {
    name: 'takes keys for ASCII',
    scenario: 'S12.bytes',
    base: 'http',
    spoil: entries((pairs) => pairs.map(([key, entry]) => [key.replace(/[^\0-\x7f]/gu, '?'), entry] as const)),
  },
];

const FAILURES: readonly Mutant[] = [
  {
    name: 'takes a broken answer for an empty one',
    scenario: 'S28',
    base: 'http',
    spoil: failing((error) => [error.code === 'BAD_RESPONSE' ? EMPTY : error]),
  },
  { name: 'takes an outage for an empty answer', scenario: 'S06', base: 'http', spoil: failing(() => [EMPTY]) },
  {
    name: 'throws plain errors',
    scenario: 'S06',
    base: 'http',
    spoil: failing((error) => [new Error(error.message)]),
  },
  { name: 'ends without a word when it fails', scenario: 'S06', base: 'http', spoil: failing(() => []) },
  {
    name: 'says that it lives while nothing answers',
    scenario: 'S06',
    base: 'http',
    spoil: sources((source) => ({
      watch: async function* (target, options) {
        try {
          yield* source.watch(target, options);
        } catch {
          while (!options.signal.aborted) {
            yield { type: 'alive' };
            await new Promise((resolve) => setTimeout(resolve, 100));
          }
        }
      },
    })),
  },
  {
    name: 'puts the password into an error',
    scenario: 'S55',
    base: 'memory',
    spoil: (adapter) => ({
      ...adapter,
      open: (location, options) => {
        const { password } = options;
        if (password !== undefined) throw new WatchError('UNAUTHENTICATED', `"${password}" is refused.`);
        return adapter.open(location, options);
      },
    }),
  },
];

const TIME: readonly Mutant[] = [
  {
    name: 'has no limit for silence',
    scenario: 'S22',
    base: 'http',
    spoil: (adapter) =>
      sources((source) => ({
        maxSilenceMs: Number.POSITIVE_INFINITY,
        maxProofAgeMs: Number.POSITIVE_INFINITY,
        watch: async function* (target, options) {
          // Its own requests have no limit either.
          for await (const update of source.watch(target, options)) {
            yield update;
            if (update.type === 'snapshot') await forever(options.signal);
          }
        },
      }))(adapter),
  },
  {
    name: 'says nothing as long as nothing changes',
    scenario: 'S30',
    base: 'http',
    spoil: updates((update) => (update.type === 'bookmark' ? [] : [update])),
  },
  {
    name: 'ignores the end of its attempt',
    scenario: 'S62.attempts',
    base: 'http',
    spoil: sources((source) => ({
      watch: async function* (target, options) {
        for await (const update of source.watch(target, options)) {
          yield update;
          await new Promise(() => {});
        }
      },
    })),
  },
  {
    name: 'leaves a timer behind',
    scenario: 'S62.handles',
    base: 'http',
    spoil: updates((update) => {
      // Cleared in the end by itself, so that the tests end.
      setTimeout(() => {}, 10_000);
      return [update];
    }),
  },
];

const CLAIMS: readonly Mutant[] = [
  {
    name: 'claims to resume, and goes on from the present',
    scenario: 'S07',
    base: 'memory',
    spoil: sources((source) => ({
      watch: async function* (target, { from, ...options }) {
        if (from === undefined) yield* source.watch(target, options);
        else {
          for await (const update of source.watch(target, options)) {
            yield update.type === 'snapshot' ? { type: 'bookmark', revision: update.revision } : update;
          }
        }
      },
    })),
  },
  {
    name: 'resumes in another history, because the cursor is below its revision',
    scenario: 'S43',
    base: 'memory',
    spoil: sources((source) => ({
      watch: async function* (target, { from, ...options }) {
        try {
          yield* source.watch(target, { ...options, ...(from !== undefined && { from }) });
        } catch (error) {
          if (from === undefined || !(error instanceof WatchError) || !OTHER_HISTORY.has(error.code)) throw error;
          for await (const update of source.watch(target, options)) {
            yield update.type === 'snapshot' ? changesSince(from.revision, update) : update;
          }
        }
      },
    })),
  },
  {
    name: 'claims to have a history, and reads the present',
    scenario: 'S80',
    base: 'memory',
    spoil: sources((source) => ({
      read: (target, { at: _, ...options }) => source.read?.(target, options) as never,
    })),
  },
  {
    name: 'claims to have a history, and has no reads of it',
    scenario: 'S80',
    base: 'http',
    spoil: sources((source) => ({ supports: { ...source.supports, history: true } })),
  },
  {
    name: 'says of every delete that the key was there',
    scenario: 'S82',
    base: 'memory',
    spoil: sources((source) => ({
      write: {
        put: (key, value) => source.write?.put(key, value) as never,
        delete: async (key) => {
          await source.write?.delete(key);
          return true;
        },
      },
    })),
  },
  {
    name: 'says that it has written, and has not',
    scenario: 'S82',
    base: 'memory',
    spoil: sources(() => ({ write: { put: async () => '7', delete: async () => true } })),
  },
];

export const mutants: readonly Mutant[] = [...REVISIONS, ...CONTENT, ...FAILURES, ...TIME, ...CLAIMS];

const EMPTY: Update = { type: 'snapshot', revision: '1000000', entries: [] };

/** The adapter, with other words for each failure of a watch: updates, an error to throw, or nothing. */
function failing(change: (error: WatchError) => readonly (Update | Error)[]): Spoil {
  return sources((source) => ({
    watch: async function* (target, options) {
      try {
        yield* source.watch(target, options);
      } catch (error) {
        for (const step of change(WatchError.from(error))) {
          if (step instanceof Error) throw step;
          yield step;
        }
      }
    },
  }));
}

/** What an adapter says of a store that is not the one it knows. */
const OTHER_HISTORY: ReadonlySet<string> = new Set(['COMPACTED', 'ROLLED_BACK', 'OTHER_HISTORY']);

/** The entries above a revision, as if they were all that had changed since. */
function changesSince(revision: string, { entries: all, ...snapshot }: Snapshot): Update {
  const events = Array.from(all).flatMap(([key, entry]) =>
    compareRevisions(entry.revision ?? '0', revision) > 0
      ? [{ type: 'put', key, entry, revision: snapshot.revision } as const]
      : [],
  );
  return { type: 'delta', revision: snapshot.revision, events };
}

function forever(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

function unescaped(prefix: string): string {
  try {
    return decodeURIComponent(prefix);
  } catch {
    return prefix.replace('%', '');
  }
}
