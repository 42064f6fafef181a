import type { Readable, Writable } from 'node:stream';
import type { Environment } from 'rollcall';
import type { ExitCode } from './exitCode.js';

/** A stream that may be a terminal. */
export type TerminalStream = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** Everything that a command uses of the process, so that tests can run it inside theirs. */
export interface Io {
  readonly stdin: Readable;
  readonly stdout: TerminalStream;
  readonly stderr: TerminalStream;
  readonly env: Environment;
  /** Ends the command: SIGINT and SIGTERM for the `rollcall` program. Its reason is the signal's name. */
  readonly signal: AbortSignal;
  /** Called with the exit code as soon as it is known: closing what is left may hang. */
  readonly onExitCode?: (code: ExitCode) => void;
  /** Calls back when the configuration must be read again: SIGHUP for the `rollcall` program. */
  readonly onReload?: (listener: () => void) => void;
}
