import type { Target } from './source.js';

/** A text that is equal for equal targets; JSON. */
export function targetKey({ prefix, exact, query }: Target): string {
  const pairs = Object.entries(query ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([prefix, exact ?? false, pairs]);
}
