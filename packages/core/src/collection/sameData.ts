import { isDeepStrictEqual } from 'node:util';

/**
 * Whether nobody can tell two items apart by what they hold. Only plain data is looked into (what JSON gives, and
 * bytes); an object of a class may hold what cannot be seen, so it is the same as itself alone.
 */
export function sameData(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  try {
    return isPlain(a) && isPlain(b) && isDeepStrictEqual(a, b);
  } catch (error) {
    // Nested too deeply to be compared.
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
