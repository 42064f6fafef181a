import type { Entry } from '@rollcall/core';

/** Something that a watcher told or holds and that the server does not say. */
export interface Difference {
  readonly watcher: string;
  readonly what: string;
  /** Whole, with the prefix. */
  readonly key?: string;
  readonly expected?: string;
  readonly got?: string;
  /** The last that happened to the key until then, by the server's own account. */
  readonly events?: readonly string[];
}

/** A key of which two states say different things. */
export interface KeyDifference {
  readonly key: string;
  readonly expected: string;
  readonly got: string;
}

/** So many watchers are printed, and so many differences of each. */
const SHOWN = 8;
const SHOWN_OF_EACH = 3;
const VALUE_CHARACTERS = 40;

/** Where two states differ. @param same decides for a key that both have */
export function differences(
  expected: ReadonlyMap<string, Entry>,
  got: ReadonlyMap<string, Entry>,
  same: (expected: Entry, got: Entry) => boolean = sameEntry,
): KeyDifference[] {
  const found: KeyDifference[] = [];
  for (const key of new Set([...expected.keys(), ...got.keys()])) {
    const [there, here] = [expected.get(key), got.get(key)];
    if (there !== undefined && here !== undefined && same(there, here)) continue;
    found.push({ key, expected: show(there), got: show(here) });
  }
  return found;
}

export function sameEntry(a: Entry, b: Entry): boolean {
  return a.revision === b.revision && a.createRevision === b.createRevision && sameValue(a, b);
}

export function sameValue(a: Entry, b: Entry): boolean {
  return Buffer.compare(a.value, b.value) === 0;
}

/** `"value" (12 bytes) @modified, created @created` */
export function show(entry: Entry | undefined): string {
  if (entry === undefined) return 'no such key';
  const { value, revision, createRevision } = entry;
  const text = Buffer.from(value).toString('latin1').slice(0, VALUE_CHARACTERS);
  return `${JSON.stringify(text)} (${value.length} bytes) @${revision}, created @${createRevision}`;
}

/** For people: the first of each watcher. */
export function describe(found: readonly Difference[]): string {
  const watchers = new Map<string, Difference[]>();
  for (const difference of found) {
    const { watcher } = difference;
    watchers.set(watcher, [...(watchers.get(watcher) ?? []), difference]);
  }
  const lines = Array.from(watchers, ([watcher, its]) =>
    [`${watcher}: ${its.length} differences`, ...its.slice(0, SHOWN_OF_EACH).map(describeOne)].join('\n'),
  );
  const more = lines.length > SHOWN ? [`… and of ${lines.length - SHOWN} more watchers`] : [];
  return [...lines.slice(0, SHOWN), ...more].join('\n');
}

function describeOne({ what, key, expected, got, events = [] }: Difference): string {
  return [
    `  ${what}`,
    ...(key === undefined ? [] : [`    key      ${JSON.stringify(key)}`]),
    ...(expected === undefined ? [] : [`    expected ${expected}`]),
    ...(got === undefined ? [] : [`    got      ${got}`]),
    ...events.map((event) => `    history  ${event}`),
  ].join('\n');
}
