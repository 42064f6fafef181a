import { type OpenedSource, readOnce, type Target, WatchError } from '@rollcall/core';
import { ANSWER_MS, inTime, type Session, warnOfPrefix } from './session.js';

/** One side of a comparison or of a mirror. */
export interface Place extends OpenedSource {
  readonly url: string;
}

/**
 * Opens both sides.
 * @throws WatchError INVALID_URL when one is a prefix and the other one exact key: their keys have nothing in common.
 */
export function openPlaces(session: Session, from: string, to: string): readonly [Place, Place] {
  const first = { url: from, ...session.rollcall.open(from) };
  const second = { url: to, ...session.rollcall.open(to) };
  for (const { target } of [first, second]) warnOfPrefix(session, target);
  if (isExact(first.target) === isExact(second.target)) return [first, second];
  const [exact, prefix] = isExact(first.target) ? [from, to] : [to, from];
  const fix = 'end both with / or neither';
  throw new WatchError('INVALID_URL', `"${exact}" is one exact key and "${prefix}" is a prefix: ${fix}.`);
}

/** All values of a place by key, relative to its prefix. @throws WatchError when it cannot answer. */
export async function valuesOf(session: Session, { source, target }: Place): Promise<Map<string, Uint8Array>> {
  const { entries } = await inTime(session, ANSWER_MS, (signal) => readOnce(source, target, { signal }));
  const values = new Map<string, Uint8Array>();
  for (const [key, { value }] of entries) values.set(key, value);
  return values;
}

function isExact({ exact }: Target): boolean {
  return exact ?? false;
}
