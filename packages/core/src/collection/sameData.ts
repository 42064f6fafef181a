import { isDeepStrictEqual } from 'node:util';

/**
 * Whether two items have the same data. Only plain data (what JSON gives, and bytes) is compared. An object of a class
 * equals only itself, because it may hold what cannot be compared.
 */
export function sameData(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  try {
    return isPlain(a) && isPlain(b) && isDeepStrictEqual(a, b);
  } catch (error) {
    // Nested too deeply for a comparison.
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function isPlain(value: unknown): boolean {
  if (typeof value === 'function') return false;
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return true;
  if (Array.isArray(value)) return value.every(isPlain);
  const prototype: unknown = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && Object.values(value).every(isPlain);
}
