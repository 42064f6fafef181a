import type { Command } from 'commander';
import type { Session } from './session.js';

/**
 * Runs `act` with a session that is made from the command's options. `urls`: if one of them is a name,
 * `./rollcall.yaml` is loaded when no other configuration is given.
 */
export type RunCommand = (
  command: Command,
  urls: readonly string[],
  act: (session: Session) => Promise<void>,
) => Promise<void>;

/** Texts for arguments and options that several commands share. */
export const URL_HELP = 'what to watch: a URL, or a name in rollcall.yaml';
export const PREFIX_HELP = "literal prefix instead of the URL's path (a matches ab, too)";

/** Matches an example that runs `rollcall` already. In a path (`/etc/rollcall.yaml`) the word does not count. */
const RUNS_ROLLCALL = /(?<!\/)\brollcall\b(?!\.)/;

/**
 * The examples at the end of a command's help; `rollcall` is put before each that does not run it already. Keep each
 * within 80 columns.
 */
export function examples(...commands: readonly string[]): string {
  const lines = commands.map((one) => `  $ ${RUNS_ROLLCALL.test(one) ? one : `rollcall ${one}`}`);
  return `\nExamples:\n${lines.join('\n')}`;
}
