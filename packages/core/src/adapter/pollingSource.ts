import { WatchError } from '../model/errors.js';
import type { Revision } from '../model/revision.js';
import { compareRevisions } from '../model/revision.js';
import type { Entry } from '../model/types.js';
import { LinkedAbort, untilAborted } from '../runtime/abort.js';
import { delay, inTime } from '../runtime/timing.js';
import { requestFailure } from './networkFailure.js';
import { relativeKey } from './relativeKey.js';
import type {
  AttemptOptions,
  FullRead,
  FullReadOptions,
  OpenOptions,
  Source,
  SourceWriter,
  Target,
  Update,
} from './source.js';

/** What one read of a polled backend found. */
export interface PolledState {
  /** Whole keys, of the target at least: `pollingSource` takes the target's own, and cuts their prefix off. */
  readonly entries: Iterable<readonly [key: string, value: Uint8Array | string | Entry]>;
  /**
   * The backend's own revision of this state: decimal, above 0, and never lower for a later state. Default:
   * `pollingSource` counts the states that differ.
   */
  readonly revision?: Revision;
  /** What the next read of this target is given, for a conditional request. HTTP: the ETag, or null where there is none. */
  readonly tag?: string | null;
  /** The `identity` of the snapshot, as `Update` says. */
  readonly identity?: string;
}

export interface PollingOptions {
  /** Time between the starts of two reads of one target, ms, at least 10. Varied by a tenth, so that pollers spread. */
  readonly intervalMs: number;
  /** A read that takes longer, ms, fails with TIMEOUT. Default: 10,000. */
  readonly timeoutMs?: number;
  /** How messages call the backend. Default: `the backend`. */
  readonly name?: string;
  /**
   * Reads a target whole, without retries.
   * @param options `tag`: that of the state that was read last. `signal`: aborts when the watch ends or time is up.
   * @returns `'unchanged'` if the backend says that its state is still the one of `tag` (HTTP: 304).
   * @throws WatchError, or what `fetch` and `JSON.parse` throw: those are translated to UNREACHABLE, TLS and
   *   BAD_RESPONSE.
   */
  read(
    target: Target,
    options: { readonly signal: AbortSignal; readonly tag?: string },
  ): Promise<PolledState | 'unchanged'>;
  /** Default: the backend cannot be written. */
  readonly write?: SourceWriter;
  /** Called once, when the source is disposed. */
  close?(): Promise<void> | void;
}

const TIMEOUT_MS = 10_000;
const LEAST_INTERVAL_MS = 10;
/** An interval is between 0.9 and 1.1 of the one that was asked for. */
const JITTER = 0.1;
/** What a read may take on top of its interval and its timeout before the core takes the watch for silent, ms. */
const GRACE_MS = 1_000;

/**
 * A source for a backend that can only be read: a watch reads the target, then reads it again and again, and yields a
 * snapshot when a key or value differs and a bookmark when none does. One read of a target is under way at a time. A read
 * that fails ends the attempt; the core waits and starts the next one.
 * @throws WatchError INVALID_OPTION for an interval below 10 ms.
 */
export function pollingSource(options: PollingOptions, { timing }: Pick<OpenOptions, 'timing'>): Source {
  const { intervalMs, timeoutMs = TIMEOUT_MS, name = 'the backend' } = options;
  if (!(intervalMs >= LEAST_INTERVAL_MS)) {
    const why = `it must be a number of milliseconds, ${LEAST_INTERVAL_MS} or more`;
    throw new WatchError('INVALID_OPTION', `Cannot use the option intervalMs: ${why}.`);
  }
  const closed = new AbortController();
  let counted = 0;

  /** One read, in time, with every error as a WatchError. */
  async function poll(target: Target, signal: AbortSignal, tag?: string): Promise<PolledState | undefined> {
    using reading = new LinkedAbort(signal, closed.signal);
    const read = untilAborted(
      options.read(target, { signal: reading.signal, ...(tag !== undefined && { tag }) }),
      reading.signal,
    );
    let state: PolledState | 'unchanged' | undefined;
    try {
      state = await inTime(timing, timeoutMs, read, reading.signal);
    } catch (error) {
      reading.signal.throwIfAborted();
      throw requestFailure(error, name);
    }
    reading.signal.throwIfAborted();
    if (state === undefined) {
      const late = new WatchError('TIMEOUT', `No answer from ${name} within ${timeoutMs} ms.`);
      read.catch(() => {});
      reading.abort(late);
      throw late;
    }
    if (state !== 'unchanged') return state;
    if (tag !== undefined) return undefined;
    throw new WatchError('BAD_RESPONSE', `${name} says that nothing has changed, and was not asked about a change.`);
  }

  async function* watch(target: Target, { signal: given, held }: AttemptOptions): AsyncGenerator<Update> {
    using end = new LinkedAbort(given, closed.signal);
    const { signal } = end;
    let known: ReadonlyMap<string, Entry> | undefined;
    let revision = '';
    let tag: string | undefined;
    for (;;) {
      const asOf = timing.now();
      const state = await poll(target, signal, tag);
      if (state === undefined) yield { type: 'bookmark', revision, asOf };
      else {
        const entries = entriesOf(state, target, known ?? held);
        const isNew = known === undefined || !sameEntries(known, entries) || isBehind(state.revision, revision);
        revision = state.revision ?? (isNew ? String(++counted) : revision);
        tag = state.tag ?? undefined;
        known = entries;
        const { identity } = state;
        if (isNew) yield { type: 'snapshot', revision, entries, asOf, ...(identity !== undefined && { identity }) };
        else yield { type: 'bookmark', revision, asOf };
      }
      const nextAt = asOf + intervalMs * (1 - JITTER + 2 * JITTER * timing.random());
      await delay(timing, Math.max(0, nextAt - timing.now()), signal);
      signal.throwIfAborted();
    }
  }

  const maxSilenceMs = intervalMs * (1 + JITTER) + timeoutMs + GRACE_MS;
  return {
    supports: { resume: false, deltas: false, history: false },
    maxSilenceMs,
    maxProofAgeMs: maxSilenceMs,
    watch,
    read: async (target: Target, { signal }: FullReadOptions): Promise<FullRead> => {
      const state = (await poll(target, signal)) as PolledState;
      return { revision: state.revision ?? String(++counted), entries: entriesOf(state, target) };
    },
    ...(options.write && { write: options.write }),
    [Symbol.asyncDispose]: async () => {
      closed.abort(new WatchError('CLOSED', `The source of ${name} was closed.`));
      await options.close?.();
    },
  };
}

/** The target's entries by relative key. One that `known` has with equal bytes and revision stays the same object. */
function entriesOf(
  { entries }: PolledState,
  target: Target,
  known?: { get(key: string): Entry | undefined },
): ReadonlyMap<string, Entry> {
  const own = new Map<string, Entry>();
  for (const [whole, value] of entries) {
    const key = relativeKey(target, whole);
    if (key === undefined) continue;
    const entry = entryOf(value);
    const old = known?.get(key);
    own.set(key, old !== undefined && isSame(old, entry) ? old : entry);
  }
  return own;
}

function entryOf(value: Uint8Array | string | Entry): Entry {
  if (typeof value === 'string') return { value: Buffer.from(value) };
  return value instanceof Uint8Array ? { value } : value;
}

function isSame(a: Entry, b: Entry): boolean {
  return a.revision === b.revision && Buffer.compare(a.value, b.value) === 0;
}

function sameEntries(a: ReadonlyMap<string, Entry>, b: ReadonlyMap<string, Entry>): boolean {
  if (a.size !== b.size) return false;
  for (const [key, entry] of a) if (b.get(key) !== entry) return false;
  return true;
}

/** A store that counts backwards was restored: the core must see it as a snapshot, which begins another history. */
function isBehind(revision: Revision | undefined, last: Revision): boolean {
  return revision !== undefined && last !== '' && compareRevisions(revision, last) < 0;
}
