import { type ErrorCode, WatchError } from '@rollcall/core';
import { CommanderError } from 'commander';

/** 0: ended as asked. 1: fatal at run time. 2: wrong usage or configuration. */
export type ExitCode = 0 | 1 | 2;

/** Wrong whatever the backend says: the user must write something else. */
const USAGE: ReadonlySet<ErrorCode> = new Set(['INVALID_URL', 'INVALID_OPTION', 'UNKNOWN_SCHEME', 'UNSUPPORTED']);

export function exitCodeOf(error: unknown): ExitCode {
  // Help and version end a command by an error with exit code 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  return error instanceof WatchError && USAGE.has(error.code) ? 2 : 1;
}
