/**
 * Keys are text here and bytes in the backends. A byte that is not part of valid UTF-8 becomes the lone low surrogate
 * U+DC00 + byte (Python's `surrogateescape`, PEP 383), so that every key survives the round trip and stays distinct.
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

/** The inverse of `keyFromBytes`. A lone surrogate that is no escaped byte becomes U+FFFD, as in `TextEncoder`. */
export function keyToBytes(key: string): Uint8Array {
  if (!ESCAPED.test(key)) return encoder.encode(key);
  const parts: Uint8Array[] = [];
  let text = '';
  // Iterating by code point keeps real surrogate pairs together: only lone ones are escapes.
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

/** Whether the key has no UTF-8 form of its own, so that output must give its bytes instead. */
export function isEscapedKey(key: string): boolean {
  return !key.isWellFormed();
}

/**
 * The first key after all that begin with the prefix: its last byte that is not 0xff, incremented, the rest cut.
 * Undefined when there is none (an empty prefix, or 0xff bytes only): the range has no end.
 */
export function prefixEnd(prefix: Uint8Array): Uint8Array | undefined {
  let last = prefix.length - 1;
  while (last >= 0 && prefix[last] === 0xff) last--;
  if (last < 0) return undefined;
  // Not slice(): a Buffer's is a view, and the prefix itself would change.
  const end = new Uint8Array(prefix.subarray(0, last + 1));
  end[last] = (end[last] as number) + 1;
  return end;
}

/** Key order: by UTF-16 code unit, JavaScript's own. */
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

/** How long a UTF-8 sequence with this first byte is (RFC 3629); 0 when none begins so. */
function sequenceLength(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc2) return 0;
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf5 ? 4 : 0;
}
