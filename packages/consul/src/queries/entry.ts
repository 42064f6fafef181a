import type { Entry, Revision } from '@rollcall/core';

/**
 * A ModifyIndex or CreateIndex as a revision. Consul writes them as JSON numbers, which JavaScript reads exactly up to
 * 2^53 - 1 only; one beyond (285 years at a million writes a second) is undefined rather than wrong.
 */
export function revisionOf(index: unknown): Revision | undefined {
  return Number.isSafeInteger(index) && (index as number) > 0 ? String(index) : undefined;
}

/** An entry; what is undefined is left out. */
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

/** Whether a JSON value is an object, so that its fields can be looked at. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The string, or '' for anything else: Consul leaves out, empties and nulls fields at will. */
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

/** A name or id as a part of a key: they may contain `/`. */
export function encodeName(name: string): string {
  return encodeURIComponent(name.toWellFormed());
}
