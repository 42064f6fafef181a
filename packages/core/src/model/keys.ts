/**
 * Keys are strings here and bytes in the backend. A byte that is not valid UTF-8 becomes the code unit U+DC00 + byte,
 * as in Python's `surrogateescape` (PEP 383). So every key converts back to the same bytes, and different keys stay
 * different strings.
 */

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
const ESCAPED = /[\udc80-\udcff]/;

/** Decodes a key; bytes that are not UTF-8 become lone surrogates U+DC80 to U+DCFF. */
export function keyFromBytes(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    return decodeEscaping(bytes);
  }
}

/** Converts a key back to its bytes. A lone surrogate outside U+DC80 to U+DCFF becomes U+FFFD, as in `TextEncoder`. */
export function keyToBytes(key: string): Uint8Array {
  if (!ESCAPED.test(key)) return encoder.encode(key);
  const parts: Uint8Array[] = [];
  let text = '';
  // `for…of` yields a valid surrogate pair as one character, so a code unit in the escaped range is always an escaped
  // byte.
  for (const char of key) {
    const code = char.codePointAt(0) as number;
    if (code < 0xdc80 || code > 0xdcff) {
      text += char;
      continue;
    }
    parts.push(encoder.encode(text), Uint8Array.of(code - 0xdc00));
    text = '';
  }
  parts.push(encoder.encode(text));
  return Buffer.concat(parts);
}

/** Whether the key holds escaped bytes, so that output must print its bytes (base64) instead of text. */
export function isEscapedKey(key: string): boolean {
  return !key.isWellFormed();
}

/**
 * The end of the range of keys with this prefix: the prefix with its last byte that is not 0xff incremented, and all
 * bytes after that removed. Undefined for an empty prefix, or one of 0xff bytes alone: the range has no end.
 */
export function prefixEnd(prefix: Uint8Array): Uint8Array | undefined {
  let last = prefix.length - 1;
  while (last >= 0 && prefix[last] === 0xff) last--;
  if (last < 0) return undefined;
  // A Buffer's slice() shares its memory: the increment would change the caller's prefix.
  const end = new Uint8Array(prefix.subarray(0, last + 1));
  end[last] = (end[last] as number) + 1;
  return end;
}

/** Compares two keys by UTF-16 code unit, as JavaScript's `<` does. */
export function compareKeys(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function decodeEscaping(bytes: Uint8Array): string {
  let text = '';
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes[at] as number);
    const decoded = length > 0 && at + length <= bytes.length ? tryDecode(bytes.subarray(at, at + length)) : undefined;
    text += decoded ?? String.fromCharCode(0xdc00 + (bytes[at] as number));
    at += decoded === undefined ? 1 : length;
  }
  return text;
}

function tryDecode(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The length of a UTF-8 sequence with this first byte (RFC 3629); 0 if no sequence begins with it. */
function sequenceLength(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc2) return 0;
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf5 ? 4 : 0;
}
