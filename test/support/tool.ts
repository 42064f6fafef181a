import { execFile } from 'node:child_process';

/** How long a server's own tool may take, in ms: a JVM on a busy machine. */
const TIMEOUT_MS = 60_000;

export interface ToolOptions {
  /** 60 000 unless given. */
  readonly timeoutMs?: number;
  /** More of the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs a server's own command line tool and gives its standard output.
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
    // A tool that ends before it has read everything breaks the pipe; its exit code tells the story.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}
