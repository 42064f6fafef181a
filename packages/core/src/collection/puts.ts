import type { Revision } from '../model/revision.js';
import type { Entry } from '../model/types.js';
import { Slices } from '../runtime/slices.js';
import { type DecodeOptions, type DecodeResult, decodeValue, type OnItem, type Shown } from './decode.js';

/** One key's new value. */
export interface CollectedPut {
  readonly key: string;
  readonly revision: Revision;
  readonly entry: Entry;
}

/** A key's new value and its decoding result, as far as it is known. */
export interface DecodedPut<T> {
  readonly key: string;
  readonly revision: Revision;
  readonly outcome: DecodeResult<T>;
}

/** Stands for the result of a decoder that still runs. */
const PENDING = { reason: 'not decoded yet' };

/**
 * Decodes values: asynchronous ones at the same time, the others in slices between which the event loop turns. Never
 * rejects.
 */
export async function decodeAll<T, U>(
  options: DecodeOptions<T> & { readonly onItem?: OnItem<T, U> },
  puts: readonly CollectedPut[],
): Promise<DecodedPut<Shown<T, U>>[]> {
  const slices = new Slices();
  const decoded: DecodedPut<Shown<T, U>>[] = [];
  const waiting: { readonly at: number; readonly outcome: Promise<DecodeResult<Shown<T, U>>> }[] = [];
  for (const { key, revision, entry } of puts) {
    const outcome = decodeValue(options, entry.value, key);
    if (outcome instanceof Promise) waiting.push({ at: decoded.length, outcome });
    decoded.push({ key, revision, outcome: outcome instanceof Promise ? PENDING : outcome });
    if (slices.isOver) await slices.turn();
  }
  for (const { at, outcome } of waiting) {
    decoded[at] = { ...(decoded[at] as DecodedPut<Shown<T, U>>), outcome: await outcome };
  }
  return decoded;
}
