import type { Delta, FullRead, SourceEvent, Update } from '../adapter/source.js';
import { WatchError } from '../model/errors.js';
import { PackedEntry } from '../model/packedEntry.js';
import { quote } from '../model/printable.js';
import { compareRevisions, isRevision, type Revision } from '../model/revision.js';
import { Tree } from '../model/tree.js';
import type { Entry } from '../model/types.js';

type Keyed = readonly [string, Entry];

/** The revision of a store that was never written: it has no keys. */
const NEVER_WRITTEN = '0';

/**
 * Holds what an adapter yields against the form that `Update` asks for. Without it one wrong revision would order every
 * later state wrongly: `"10"` sorts behind `"9"`, and `"abc"` behind both, so that all later deltas are dropped.
 */
export class UpdateCheck {
  readonly #adapter: string;

  /** @param adapter its first scheme, which messages call it by. */
  constructor(adapter: string) {
    this.#adapter = adapter;
  }

  /**
   * The update, with entries and deltas that are checked as they are taken.
   * @param isFollowing whether the core holds a state that a delta or a bookmark can follow.
   * @throws WatchError BAD_RESPONSE that names the adapter.
   */
  checked(update: Update, isFollowing: boolean): Update {
    switch (update?.type) {
      case 'alive':
        return update;
      case 'trouble':
        if (update.error instanceof WatchError) return update;
        throw this.#broken(`trouble whose error is no WatchError: ${quote(update.error)}`);
      case 'snapshot':
        if (update.revision !== NEVER_WRITTEN) this.#revision(update.revision, 'a snapshot');
        // A tree comes from an adapter of this project, which built it while it read: the core takes it as it is.
        if (update.entries instanceof Tree && update.revision !== NEVER_WRITTEN) return update;
        return { ...update, entries: this.#entries(update) };
      case 'bookmark':
        this.#follows(update.type, isFollowing);
        if (update.revision !== NEVER_WRITTEN) this.#revision(update.revision, 'a bookmark');
        return update;
      case 'delta':
        this.#follows(update.type, isFollowing);
        return this.#delta(update);
      case 'deltas':
        this.#follows(update.type, isFollowing);
        return { type: 'deltas', deltas: this.#deltas(update.deltas) };
      default:
        throw this.#broken(`an update of the unknown type ${quote((update as { type?: unknown } | undefined)?.type)}`);
    }
  }

  *#entries({ revision, entries }: FullRead): Generator<Keyed> {
    for (const pair of entries) {
      if (revision === NEVER_WRITTEN) this.#revision(revision, 'a snapshot with keys');
      this.#entry(pair[0], pair[1]);
      yield pair;
    }
  }

  *#deltas(deltas: Iterable<Delta>): Generator<Delta> {
    for (const delta of deltas) yield this.#delta(delta);
  }

  #delta(delta: Delta): Delta {
    this.#revision(delta.revision, 'a delta');
    for (const event of delta.events) this.#event(event, delta.revision);
    return delta;
  }

  #event(event: SourceEvent, limit: Revision): void {
    if (event.type === 'put') this.#entry(event.key, event.entry, limit);
    else if (event.type === 'delete') {
      this.#key(event.key);
      this.#revision(event.revision, 'a delete', limit);
    } else throw this.#broken(`an event of the unknown type ${quote((event as { type?: unknown }).type)}`);
  }

  #entry(key: unknown, entry: Entry, limit?: Revision): void {
    this.#key(key);
    // Made of numbers by this project's own adapters: to make texts of 100,000 of them would cost a list 15 ms.
    if (entry instanceof PackedEntry) return;
    if (!(entry?.value instanceof Uint8Array)) {
      throw this.#broken(`the value of the key ${quote(key)} as ${typeof entry?.value}, and not as bytes`);
    }
    if (entry.revision !== undefined) this.#revision(entry.revision, `the key ${quote(key)}`, limit);
  }

  #key(key: unknown): void {
    if (typeof key !== 'string') throw this.#broken(`a key as ${typeof key}, and not as text`);
  }

  #revision(revision: unknown, what: string, limit?: Revision): void {
    if (!isRevision(revision)) {
      throw this.#broken(`${what} with the revision ${quote(revision)}, which is not a decimal above 0`);
    }
    if (limit !== undefined && compareRevisions(revision, limit) > 0) {
      throw this.#broken(`${what} at revision ${revision}, above its delta's ${limit}`);
    }
  }

  #follows(type: string, isFollowing: boolean): void {
    if (!isFollowing) throw this.#broken(`a ${type} before any snapshot`);
  }

  #broken(what: string): WatchError {
    return new WatchError(
      'BAD_RESPONSE',
      `The adapter for ${this.#adapter} yielded ${what}: this is a defect of the adapter.`,
    );
  }
}

/** @throws WatchError INTERNAL for a source without what the core cannot do without. */
export function checkSource(
  source: { readonly watch?: unknown; readonly maxSilenceMs?: unknown },
  adapter: string,
): void {
  const { watch, maxSilenceMs } = source ?? {};
  const isTime = typeof maxSilenceMs === 'function' || (typeof maxSilenceMs === 'number' && maxSilenceMs > 0);
  if (typeof watch === 'function' && isTime) return;
  const what = isTime ? 'no watch()' : `the maxSilenceMs ${quote(maxSilenceMs)}, which is not a time above 0`;
  throw new WatchError('INTERNAL', `The adapter for ${adapter} opened a source with ${what}.`);
}
