import type { Command } from 'commander';
import type { Session } from './session.js';

/** Runs a command with a session. `urls`: if one is a name, the configuration is loaded. */
export type RunCommand = (
  command: Command,
  urls: readonly string[],
  act: (session: Session) => Promise<void>,
) => Promise<void>;

/** Texts for arguments and options that several commands share. */
export const URL_HELP = 'what to watch: a URL, or a name in rollcall.yaml';
export const PREFIX_HELP = "literal prefix instead of the URL's path (a matches ab, too)";

/** The examples at the end of a command's help; `rollcall` is put before each. At most 80 columns. */
export function examples(...commands: readonly string[]): string {
  return `\nExamples:\n${commands.map((one) => `  $ ${one.includes('rollcall') ? one : `rollcall ${one}`}`).join('\n')}`;
}
