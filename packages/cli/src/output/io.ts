import type { Readable, Writable } from 'node:stream';
import type { Environment } from 'rollcall';

/** A stream that may be a terminal. */
export type TerminalStream = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** All that a command touches of the process, so that it can run anywhere. */
export interface Io {
  readonly stdin: Readable;
  readonly stdout: TerminalStream;
  readonly stderr: TerminalStream;
  readonly env: Environment;
  /** Ends the command as asked, with exit code 0: SIGINT and SIGTERM for the `rollcall` program. */
  readonly signal: AbortSignal;
  /** Calls back when the configuration is to be read again: SIGHUP for the `rollcall` program. */
  readonly onReload?: (listener: () => void) => void;
}
