import type { Revision } from './types.js';

/** Orders two revisions of one epoch. They are canonical decimals (no leading zero), so length decides, then text. */
export function compareRevisions(a: Revision, b: Revision): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}
