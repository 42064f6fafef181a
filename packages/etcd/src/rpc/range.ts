import { keyFromBytes, keyToBytes } from '@rollcall/core';
import type { Target } from '@rollcall/core/adapter';
import { prefixEnd } from '@rollcall/core/internal';
import type { KeyValue } from './keyValue.js';
import type { KeyRange } from './requests.js';

/** In a request: as `key` the lowest key there can be, as `rangeEnd` no end. */
const ZERO = Buffer.from([0]);

export function rangeOf({ prefix, exact }: Target): KeyRange {
  const key = Buffer.from(keyToBytes(prefix));
  if (exact) return { key };
  const end = prefixEnd(key);
  return { key: key.length === 0 ? ZERO : key, rangeEnd: end === undefined ? ZERO : Buffer.from(end) };
}

/** How a target's keys are named: what follows its prefix. */
export class KeyNames {
  readonly #prefix: Uint8Array;

  constructor({ prefix }: Target) {
    this.#prefix = keyToBytes(prefix);
  }

  /** A key of the target, from the whole key. */
  relative(kv: KeyValue): string {
    return kv.asciiKey(this.#prefix.length) ?? keyFromBytes(kv.key.subarray(this.#prefix.length));
  }

  /** The whole key, from one of the target's. */
  absolute(key: string): Buffer {
    return Buffer.concat([this.#prefix, keyToBytes(key)]);
  }
}
