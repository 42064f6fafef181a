import { WatchError } from '@rollcall/core';
import { CommanderError } from 'commander';
import { Different, type ExitCode, exitCodeOf } from './output/exitCode.js';
import type { Io } from './output/io.js';
import { printable } from './output/printable.js';
import { createProgram } from './program.js';

/**
 * Runs one `rollcall` command line, without the program's name.
 * @returns the exit code. Errors are printed on `io.stderr`.
 */
export async function main(argv: readonly string[], io: Io): Promise<ExitCode> {
  // A closed pipe is no error of the command; without a listener it would end the process.
  for (const stream of [io.stdout, io.stderr]) stream.on('error', () => {});
  try {
    await createProgram(io).parseAsync(argv, { from: 'user' });
    return 0;
  } catch (error) {
    // Commander has printed its own errors already.
    const isTold = error instanceof CommanderError || error instanceof Different || io.signal.aborted;
    if (!isTold) io.stderr.write(`error: ${printable(WatchError.from(error).message)}\n`);
    return exitCodeOf(error, io.signal);
  }
}
