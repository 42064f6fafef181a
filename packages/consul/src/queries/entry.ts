import type { Entry, Revision } from '@rollcall/core';

/**
 * A ModifyIndex or CreateIndex as a revision. Consul writes them as JSON numbers, which JavaScript reads exactly up to
 * 2^53 - 1. A larger one (285 years at a million writes a second) is undefined.
 */
export function revisionOf(index: unknown): Revision | undefined {
  return Number.isSafeInteger(index) && (index as number) > 0 ? String(index) : undefined;
}

/** An entry without its undefined fields. */
export function entryOf(
  value: Uint8Array,
  revision: Revision | undefined,
  createRevision: Revision | undefined,
): Entry {
  return { value, ...(revision && { revision }), ...(createRevision && { createRevision }) };
}

export function jsonBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

export function sameBytes(a: Entry, b: Entry): boolean {
  return a.value.length === b.value.length && Buffer.compare(a.value, b.value) === 0;
}

/** Whether a JSON value is an object. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The string; '' for anything else, because Consul omits, empties and nulls fields. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Names and values that are strings, in the order of the names. */
export function stringsOf(value: unknown): Readonly<Record<string, string>> {
  const pairs = isObject(value) ? Object.entries(value) : [];
  const strings = pairs.filter((pair): pair is [string, string] => typeof pair[1] === 'string');
  return Object.fromEntries(strings.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The strings of an array. */
export function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}

/** A name or id as a part of a key, percent-encoded: it may hold `/`. */
export function encodeName(name: string): string {
  return encodeURIComponent(name.toWellFormed());
}
