import type { Revision } from '@rollcall/core';
import type { KnownEntries, Pair } from './entries.js';

/** What a parsed piece of an answer says. */
export interface DecodedPiece {
  /** KnownEntries pairs themselves where they are the same. */
  readonly pairs: readonly Pair[];
  /** Items that could not be understood and were left out. */
  readonly malformed: number;
}

/** What the items of an answer are decoded with. */
export interface DecodeContext {
  /** The entries of before: an unchanged item becomes the same object. */
  readonly known: KnownEntries;
  /** The index of the answer that is read. */
  readonly index: Revision;
}

/** Takes the pieces of one answer, in order. Undefined for what is no piece of such an answer. */
export type DecodeItems = (json: unknown) => DecodedPiece | undefined;

/** How one target is asked for, and what the answers mean. */
export interface Query {
  /** For messages, as `the KV prefix "a/"`. */
  readonly what: string;
  /** Whether 404 says that there is nothing: so in the KV store only. */
  readonly absentIs404: boolean;
  /** Whether agents can answer from a cache. */
  readonly cacheable: boolean;
  /** Whether an answer is an array of objects, so that it can be parsed in pieces. Otherwise it is parsed whole. */
  readonly isList: boolean;
  /** Below `/v1`. */
  readonly path: string;
  readonly parameters: readonly (readonly [name: string, value: string])[];
  decoder(before: DecodeContext): DecodeItems;
  /** Whether an answer lacks so much of what was known that a plain read must confirm it. */
  lost(known: KnownEntries, entries: KnownEntries): boolean;
}
