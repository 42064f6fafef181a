import { WatchError } from '@rollcall/core';
import { CommanderError } from 'commander';
import { type ExitCode, exitCodeOf } from './output/exitCode.js';
import type { Io } from './output/io.js';
import { createProgram } from './program.js';

/**
 * Runs one `rollcall` command line, without the program's name.
 * @returns the exit code. What went wrong is told on `io.stderr`.
 */
export async function main(argv: readonly string[], io: Io): Promise<ExitCode> {
  try {
    await createProgram(io).parseAsync(argv, { from: 'user' });
    return 0;
  } catch (error) {
    // Commander has told its own.
    if (!(error instanceof CommanderError)) io.stderr.write(`error: ${WatchError.from(error).message}\n`);
    return exitCodeOf(error);
  }
}
