/**
 * A position in the history of one backend, as a decimal text: etcd's revision, Consul's index. Compare two of one
 * epoch with `compareRevisions()`. Text, because both backends count past 2^53.
 */
export type Revision = string;

/** Whether the text is a canonical decimal above 0. */
export function isRevision(text: unknown): text is Revision {
  return typeof text === 'string' && /^[1-9]\d*$/.test(text);
}

/**
 * Compares two revisions of one epoch. Without leading zeros the longer text is the larger number; equally long ones
 * compare as texts.
 */
export function compareRevisions(a: Revision, b: Revision): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}
