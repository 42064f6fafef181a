import { resolve } from 'node:path';
import { WatchError } from '../model/errors.js';
import type { Revision } from '../model/revision.js';
import { isRevision } from '../model/revision.js';

/** Where the first state of a watch comes from, if not from the backend's present. */
export interface WatchStart {
  readonly since?: Revision;
  /** An absolute path. */
  readonly checkpoint?: string;
}

/** @throws WatchError INVALID_OPTION */
export function watchStartOf(since: Revision | undefined, checkpoint: string | undefined): WatchStart {
  if (since !== undefined) {
    if (isRevision(since)) return { since };
    throw new WatchError(
      'INVALID_OPTION',
      `since must be a revision, a decimal above 0 such as "7"; it is "${since}".`,
    );
  }
  if (checkpoint === undefined) return {};
  if (checkpoint !== '') return { checkpoint: resolve(checkpoint) };
  throw new WatchError('INVALID_OPTION', 'checkpoint must be the path of a file; it is empty.');
}
