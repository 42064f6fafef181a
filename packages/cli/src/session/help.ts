import type { Command } from 'commander';
import type { Session } from './session.js';

/** Runs a command's work with what it needs. `urls`: a name among them asks for a configuration. */
export type RunCommand = (
  command: Command,
  urls: readonly string[],
  act: (session: Session) => Promise<void>,
) => Promise<void>;

/** What several commands say of the same argument or option. */
export const URL_HELP = 'what to watch: a URL, or a name in rollcall.yaml';
export const PREFIX_HELP = "literal prefix instead of the URL's path (a matches ab, too)";

/** The end of a command's help; `rollcall` is put in front of each. At most 80 columns. */
export function examples(...commands: readonly string[]): string {
  return `\nExamples:\n${commands.map((one) => `  $ ${one.includes('rollcall') ? one : `rollcall ${one}`}`).join('\n')}`;
}
