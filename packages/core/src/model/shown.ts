import { type InspectOptions, inspect } from 'node:util';
import type { Entry } from './types.js';

/** The most entries that a printed map shows; the others are counted. */
const SHOWN = 100;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The bytes as text, or `{ base64 }` if they are not UTF-8. */
export function valueJson(value: Uint8Array): string | { readonly base64: string } {
  try {
    return utf8.decode(value);
  } catch {
    return { base64: Buffer.from(value).toString('base64') };
  }
}

/** Entries for `console.log`: the first 100, with their values as text. */
export function inspectEntries(
  name: string,
  entries: { readonly size: number; [Symbol.iterator](): Iterator<[string, Entry]> },
  options: InspectOptions,
): string {
  const shown = new Map<string, unknown>();
  for (const [key, { value }] of { [Symbol.iterator]: () => entries[Symbol.iterator]() }) {
    if (shown.size === SHOWN) break;
    shown.set(key, valueJson(value));
  }
  const more = entries.size > shown.size ? `, and ${entries.size - shown.size} more` : '';
  return inspect(shown, options).replace(/^Map\(\d+\)/, `${name}(${entries.size}${more})`);
}
