import { type OpenedSource, type Revision, WatchError } from '@rollcall/core';
import type { Target } from '@rollcall/core/adapter';
import { readOnce } from '@rollcall/core/internal';
import { ANSWER_MS, inTime, type Session, warnOfPrefix } from './session.js';

/** One side of a comparison or of a mirror. */
export interface Place extends OpenedSource {
  readonly url: string;
}

/** What a place held at a revision. */
export interface Content {
  readonly revision: Revision;
  /** By key, relative to the place's prefix. */
  readonly values: Map<string, Uint8Array>;
}

/** Opens one place. @throws WatchError when the URL or name cannot be used. */
export function openPlace(session: Session, url: string): Place {
  const place = { url, ...session.rollcall.open(url) };
  warnOfPrefix(session, place.target);
  return place;
}

/**
 * Opens both sides.
 * @throws WatchError INVALID_URL when one is a prefix and the other one exact key: their keys have nothing in common.
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
 * All that a place holds, or held at a revision of its history.
 * @throws WatchError when it cannot answer; for `at` as `readOnce`.
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
