import { WatchError } from './errors.js';
import { quote } from './printable.js';

/**
 * Checks an options object: an unknown name and a value of `null` are errors. Otherwise a misspelt `allow` would be
 * ignored, and every broker be allowed. A value of `undefined` counts as not given.
 * @param where the beginning of the message: `brokerList`.
 * @param known all option names.
 * @throws WatchError INVALID_OPTION that names the option, and suggests the most similar known name or lists all; also
 *   for options that are no object.
 */
export function checkKnownOptions(where: string, options: unknown, known: readonly string[]): void {
  if (options === undefined) return;
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new WatchError('INVALID_OPTION', `${where}: the options must be an object; they are ${quote(options)}.`);
  }
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (!known.includes(name)) {
      const meant = nearest(name, known);
      const hint = meant === undefined ? `it has ${known.join(', ')}` : `did you mean ${meant}?`;
      throw new WatchError('INVALID_OPTION', `${where} has no option ${quote(name)}: ${hint}`);
    }
    if (value === null) {
      throw new WatchError('INVALID_OPTION', `${where}: the option ${name} is null; leave it out for its default.`);
    }
  }
}

/** All option names of a type. The compiler rejects a name that is missing here, or that the type does not have. */
export function optionNames<T extends object>(names: Readonly<Record<keyof Required<T>, true>>): readonly string[] {
  return Object.keys(names);
}

/**
 * The known name at most two edits away, ignoring case; else one that is the beginning of the other; else undefined.
 */
function nearest(name: string, known: readonly string[]): string | undefined {
  const lower = name.toLowerCase();
  const byDistance = known
    .map((each) => ({ each, letters: distance(lower, each.toLowerCase()) }))
    .sort((a, b) => a.letters - b.letters);
  const [best] = byDistance;
  if (best !== undefined && best.letters <= 2) return best.each;
  return known.find((each) => lower.startsWith(each.toLowerCase()) || each.toLowerCase().startsWith(lower));
}

/** The Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
