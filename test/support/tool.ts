import { execFile } from 'node:child_process';

/** How long a server's own tool may take, in ms: a JVM on a busy machine. */
const TIMEOUT_MS = 60_000;

export interface ToolOptions {
  /** Default: 60,000. */
  readonly timeoutMs?: number;
  /** Further environment variables. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs a server's own command line tool. Resolves with its standard output.
 * @throws an Error with the command and its standard error
 */
export function runTool(
  command: string,
  args: readonly string[],
  input?: string | Uint8Array,
  { timeoutMs = TIMEOUT_MS, env = {} }: ToolOptions = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: timeoutMs, maxBuffer: 256 * 1024 * 1024, env: { ...process.env, ...env } };
    const child = execFile(command, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${command} ${args.join(' ')}: ${error.message}\n${stderr}${stdout}`, { cause: error }));
    });
    // A tool that ends before it has read its input breaks the pipe. Its exit code says whether it failed.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}
