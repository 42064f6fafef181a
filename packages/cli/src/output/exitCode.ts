import { type ErrorCode, WatchError } from '@rollcall/core';
import { CommanderError } from 'commander';

/**
 * 0: ended as asked. 1: fatal at run time, or a difference with `diff --exit-code`. 2: wrong usage or configuration.
 * 130 and 143: a question was ended by SIGINT or SIGTERM before its answer, as shells count it (128 and the signal).
 */
export type ExitCode = 0 | 1 | 2 | 130 | 143;

/** Wrong whatever the backend says: the user must write something else. */
const USAGE: ReadonlySet<ErrorCode> = new Set(['INVALID_URL', 'INVALID_OPTION', 'UNKNOWN_SCHEME', 'UNSUPPORTED']);

/** The places differ: no error, and told already. */
export class Different extends Error {}

export function exitCodeOf(error: unknown, ended: AbortSignal): ExitCode {
  if (ended.aborted) return ended.reason === 'SIGTERM' ? 143 : 130;
  // Help and version end a command by an error with exit code 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  return error instanceof WatchError && USAGE.has(error.code) ? 2 : 1;
}
