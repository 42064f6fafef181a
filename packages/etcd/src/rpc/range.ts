import { keyFromBytes, keyToBytes } from '@rollcall/core';
import type { Target } from '@rollcall/core/adapter';
import { prefixEnd } from '@rollcall/core/internal';
import type { KeyValue } from './keyValue.js';
import type { KeyRange } from './requests.js';

/** One NUL byte. In a request, as `key`: the lowest possible key; as `rangeEnd`: no end. */
const ZERO = Buffer.from([0]);

export function rangeOf({ prefix, exact }: Target): KeyRange {
  const key = Buffer.from(keyToBytes(prefix));
  if (exact) return { key };
  const end = prefixEnd(key);
  return { key: key.length === 0 ? ZERO : key, rangeEnd: end === undefined ? ZERO : Buffer.from(end) };
}

/** Names keys relative to a target's prefix. */
export class KeyNames {
  readonly #prefix: Uint8Array;

  constructor({ prefix }: Target) {
    this.#prefix = keyToBytes(prefix);
  }

  /** The relative name of a whole key. */
  relative(kv: KeyValue): string {
    return kv.asciiKey(this.#prefix.length) ?? keyFromBytes(kv.key.subarray(this.#prefix.length));
  }

  /** The whole key of a relative name. */
  absolute(key: string): Buffer {
    return Buffer.concat([this.#prefix, keyToBytes(key)]);
  }
}
