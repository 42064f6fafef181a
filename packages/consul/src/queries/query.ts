import type { Revision } from '@rollcall/core';
import type { KnownEntries, Pair } from './entries.js';

/** The items of one parsed piece of an answer. */
export interface DecodedPiece {
  /** An unchanged item is the known pair itself. */
  readonly pairs: readonly Pair[];
  /** The number of items that could not be decoded and were left out. */
  readonly malformed: number;
}

/** What the items of an answer are decoded with. */
export interface DecodeContext {
  /** The entries of before: an unchanged item becomes the same object. */
  readonly known: KnownEntries;
  /** The index of the answer that is read. */
  readonly index: Revision;
}

/** Decodes the pieces of one answer, in order. Undefined if a piece is not of such an answer. */
export type DecodeItems = (json: unknown) => DecodedPiece | undefined;

/** How one target is requested, and how its answers are decoded. */
export interface Query {
  /** The target, for messages: `the KV prefix "a/"`. */
  readonly what: string;
  /** Whether 404 means that there is nothing: true for the KV store only. */
  readonly absentIs404: boolean;
  /** Whether agents can answer the query from their cache. */
  readonly cacheable: boolean;
  /** Whether an answer is an array of objects, so that it can be parsed in pieces. Otherwise it is parsed whole. */
  readonly isList: boolean;
  /** Below `/v1`. */
  readonly path: string;
  readonly parameters: readonly (readonly [name: string, value: string])[];
  decoder(before: DecodeContext): DecodeItems;
  /** Whether so many known entries are missing that a plain read must confirm it. */
  lost(known: KnownEntries, entries: KnownEntries): boolean;
}
