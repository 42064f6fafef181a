import { type OpenedSource, type Revision, WatchError } from '@rollcall/core';
import type { Target } from '@rollcall/core/adapter';
import { readOnce } from '@rollcall/core/internal';
import { ANSWER_MS, inTime, type Session, warnOfPrefix } from './session.js';

/** One side of a comparison or of a mirror. */
export interface Place extends OpenedSource {
  readonly url: string;
}

/** The content of a place at a revision. */
export interface Content {
  readonly revision: Revision;
  /** By key, relative to the place's prefix. */
  readonly values: Map<string, Uint8Array>;
}

/**
 * Opens one place, which the caller releases. Warns if its prefix does not end in `/`. @throws WatchError if the URL or
 * name cannot be used.
 */
export function openPlace(session: Session, url: string): Place {
  const place = { url, ...session.rollcall.open(url) };
  warnOfPrefix(session, place.target);
  return place;
}

/**
 * Opens both sides.
 * @throws WatchError as `openPlace`; INVALID_URL if one is a prefix and the other an exact key: their keys cannot be
 *   compared.
 */
export function openPlaces(session: Session, from: string, to: string): readonly [Place, Place] {
  const first = openPlace(session, from);
  const second = openPlace(session, to);
  if (isExact(first.target) === isExact(second.target)) return [first, second];
  const [exact, prefix] = isExact(first.target) ? [from, to] : [to, from];
  const fix = 'end both with / or neither';
  throw new WatchError('INVALID_URL', `"${exact}" is one exact key and "${prefix}" is a prefix: ${fix}.`);
}

/**
 * Reads all keys of a place, now or at a revision.
 * @throws WatchError if the backend cannot answer; TIMEOUT; UNSUPPORTED for `at` if it keeps no history, and COMPACTED
 *   or ROLLED_BACK.
 */
export async function contentOf(session: Session, { url, source, target }: Place, at?: Revision): Promise<Content> {
  const past = at === undefined ? {} : { at };
  const { revision, entries } = await inTime(session, { defaultMs: ANSWER_MS, whom: url }, (signal) =>
    readOnce(source, target, { signal, ...past }),
  );
  const values = new Map<string, Uint8Array>();
  for (const [key, { value }] of entries) values.set(key, value);
  return { revision, values };
}

function isExact({ exact }: Target): boolean {
  return exact ?? false;
}
