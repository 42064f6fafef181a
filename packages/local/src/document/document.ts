import { WatchError } from '@rollcall/core';
import { unreadable } from './errors.js';
import { editJson, parseJson } from './json.js';
import { editYaml, parseYaml } from './yaml.js';

/**
 * Reads the keys and values of a YAML or JSON document. A string stands for its UTF-8 bytes, null for an empty value,
 * `!!binary` for its bytes, anything else for its JSON text. A lone surrogate in a string is an escaped byte, as in
 * keys (`keyFromBytes`).
 * @throws WatchError UNREADABLE if the document is empty, cannot be parsed, is no map or has a key twice: a
 *   half-written document is an error, and not a shorter list.
 */
export function parseDocument(path: string, bytes: Uint8Array): Map<string, Uint8Array> {
  const text = textOf(path, bytes);
  return parseText(path, text, isJson(path, text));
}

/**
 * The document with one key set, or removed if no value is given. JSON stays JSON; YAML keeps its comments and order.
 * @returns undefined if nothing changes.
 * @throws WatchError UNREADABLE as `parseDocument`; UNSUPPORTED if the document cannot express the change.
 */
export function editDocument(
  path: string,
  bytes: Uint8Array,
  key: string,
  value: Uint8Array | undefined,
): Uint8Array | undefined {
  const text = textOf(path, bytes);
  const json = isJson(path, text);
  const wanted = parseText(path, text, json);
  const old = wanted.get(key);
  if (value === undefined ? old === undefined : old !== undefined && Buffer.from(old).equals(value)) return undefined;
  if (value === undefined) wanted.delete(key);
  else wanted.set(key, value);
  // The new text is parsed before it is used: an anchor that other keys use cannot be removed, for example.
  try {
    const edited = json ? editJson(path, text, key, value) : editYaml(path, text, key, value);
    const result = Buffer.from(edited);
    if (sameContent(parseDocument(path, result), wanted)) return result;
  } catch (error) {
    throw inexpressible(path, key, error);
  }
  throw inexpressible(path, key);
}

function parseText(path: string, text: string, json: boolean): Map<string, Uint8Array> {
  try {
    return json ? parseJson(path, text) : parseYaml(path, text);
  } catch (error) {
    // The parsers, and all functions that walk their results, are recursive.
    if (!(error instanceof RangeError)) throw error;
    throw unreadable(path, 'it is nested too deeply; flatten it');
  }
}

function inexpressible(path: string, key: string, cause?: unknown): WatchError {
  return new WatchError(
    'UNSUPPORTED',
    `Cannot change the key ${JSON.stringify(key)} in "${path}" without changing others (does an alias use its anchor?); edit the file by hand.`,
    cause === undefined ? {} : { cause },
  );
}

function sameContent(a: ReadonlyMap<string, Uint8Array>, b: ReadonlyMap<string, Uint8Array>): boolean {
  if (a.size !== b.size) return false;
  for (const [key, value] of a) {
    const other = b.get(key);
    if (other === undefined || !Buffer.from(other).equals(value)) return false;
  }
  return true;
}

/** A comment at a place where JSON allows white space. */
const COMMENT = /(?:^|[\s{}[\],"])\/[/*]/;

/** Decides by the file name's ending; otherwise by the content, because YAML would rewrite JSON in its own style. */
function isJson(path: string, text: string): boolean {
  if (/\.json$/i.test(path)) return true;
  // YAML can read JSON with comments, and takes a comment for a part of the next key: `// production "broker/1"`.
  if (isJsonLike(text) && COMMENT.test(text.replace(/"(?:[^"\\\n]|\\.)*"/g, '""'))) return true;
  if (/\.ya?ml$/i.test(path)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** An object whose first key is in double quotes, or that begins with a comment. */
function isJsonLike(text: string): boolean {
  return /^\s*(?:\/[/*]|\{\s*(?:"|\/[/*]))/.test(text);
}

function textOf(path: string, bytes: Uint8Array): string {
  if (bytes.length === 0) {
    throw unreadable(path, 'it has no content, which is not taken for an empty list; write {} for no keys');
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw unreadable(path, 'it is not UTF-8 text; save it as UTF-8', error);
  }
}
