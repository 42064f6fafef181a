import { type ErrorCode, WatchError } from '@rollcall/core';
import { CommanderError } from 'commander';

/**
 * 0: success. 1: fatal at run time, or a difference with `diff --exit-code`. 2: wrong usage or configuration. 130 and
 * 143: SIGINT or SIGTERM ended a command before its answer; shells use 128 and the signal's number.
 */
export type ExitCode = 0 | 1 | 2 | 130 | 143;

/** Errors that only another command line or configuration cures. */
const USAGE: ReadonlySet<ErrorCode> = new Set(['INVALID_URL', 'INVALID_OPTION', 'UNKNOWN_SCHEME', 'UNSUPPORTED']);

/** The places differ. It is no error, and is printed already. */
export class Different extends Error {}

export function exitCodeOf(error: unknown, ended: AbortSignal): ExitCode {
  if (ended.aborted) return ended.reason === 'SIGTERM' ? 143 : 130;
  // Commander ends `--help` and `--version` by an error with exit code 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  return error instanceof WatchError && USAGE.has(error.code) ? 2 : 1;
}
