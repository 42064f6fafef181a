import type { Revision } from '@rollcall/core';
import type { Known, Pair } from './entries.js';

/** What a parsed piece of an answer says. */
export interface Decoded {
  /** Known pairs themselves where they are the same. */
  readonly pairs: readonly Pair[];
  /** Items that could not be understood and were left out. */
  readonly malformed: number;
}

/** What an answer is read against. */
export interface Before {
  readonly known: Known;
  /** The index of the answer that is read. */
  readonly index: Revision;
}

/** Takes the pieces of one answer, in order. Undefined for what is no piece of such an answer. */
export type Decode = (json: unknown) => Decoded | undefined;

/** How one target is asked for, and what the answers mean. */
export interface Query {
  /** For messages, as `the KV prefix "a/"`. */
  readonly what: string;
  /** Whether 404 says that there is nothing: so in the KV store only. */
  readonly absentIs404: boolean;
  /** Whether agents can answer from a cache. */
  readonly cacheable: boolean;
  /** How one item of an answer, an array of objects, ends and the next begins. Without it answers are parsed whole. */
  readonly boundary?: string;
  /** Below `/v1`. */
  readonly path: string;
  readonly parameters: readonly (readonly [name: string, value: string])[];
  decoder(before: Before): Decode;
  /** Whether an answer lacks so much of what was known that a plain read must confirm it. */
  lost(known: Known, entries: Known): boolean;
}
