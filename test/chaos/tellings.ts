import type { Change, Entry } from '@rollcall/core';
import type { Told } from './backend.js';

/** What a reader may be told, to see that a checker finds what is wrong about it. */

export const entry = (value: string, revision: number, createRevision = revision): Entry => ({
  value: Buffer.from(value),
  revision: String(revision),
  createRevision: String(createRevision),
});

export const put = (key: string, made: Entry, previous?: Entry): Change => ({
  type: 'put',
  key,
  revision: made.revision ?? '',
  entry: made,
  ...(previous === undefined ? {} : { previous }),
});

export const del = (key: string, revision: number, previous: Entry, synthetic = false): Change => ({
  type: 'delete',
  key,
  revision: String(revision),
  previous,
  synthetic,
});

export const told = (revision: number, changes: readonly Change[], more: Partial<Told> = {}): Told => ({
  revision: String(revision),
  epoch: 1,
  at: revision,
  era: 1,
  cause: 'delta',
  coalesced: false,
  changes,
  ...more,
});
