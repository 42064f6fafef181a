/**
 * A decimal position in one backend's history: etcd's revision, Consul's index. Compare two of one epoch with
 * `compareRevisions()`. Never a JavaScript number: both backends count past 2^53.
 */
export type Revision = string;

/** Whether the text is a canonical decimal above 0. */
export function isRevision(text: unknown): text is Revision {
  return typeof text === 'string' && /^[1-9]\d*$/.test(text);
}

/** Orders two revisions of one epoch. They are canonical decimals (no leading zero), so length decides, then text. */
export function compareRevisions(a: Revision, b: Revision): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}
