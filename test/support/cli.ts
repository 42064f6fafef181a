import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { reaper } from './reaper.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ROLLCALL = fileURLToPath(new URL('../../packages/cli/bin/rollcall.js', import.meta.url));
/** Variables of the developer's environment that a test must not see. */
const FOREIGN = /^(ROLLCALL|ETCDCTL)_/;

export type JsonLine = Readonly<Record<string, unknown>>;

/** A program in a process of its own, from the last build. */
export class Program implements AsyncDisposable {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  stdout = '';
  stderr = '';
  readonly #lookers = new Set<() => void>();
  #running = true;

  private constructor(command: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    const inherited = Object.entries(process.env).filter(([name]) => !FOREIGN.test(name));
    this.child = spawn(command, args, { cwd: ROOT, env: { ...Object.fromEntries(inherited), ...env } });
    const { pid } = this.child;
    if (pid !== undefined) reaper().register(pid);
    this.child.stdout.setEncoding('utf8').on('data', (text) => {
      this.stdout += text;
      this.#look();
    });
    this.child.stderr.setEncoding('utf8').on('data', (text) => {
      this.stderr += text;
      this.#look();
    });
    this.ended = new Promise((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('close', (code, signal) => {
        if (pid !== undefined) reaper().unregister(pid);
        this.#running = false;
        this.#look();
        resolve({ code, signal });
      });
    });
  }

  /** `rollcall ARGS…` */
  static rollcall(args: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
    return Program.start(process.execPath, [ROLLCALL, ...args], env);
  }

  static start(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
    return new Program(command, args, env);
  }

  /** The JSON lines so far, without their time. */
  get lines(): JsonLine[] {
    const whole = this.stdout.split('\n').slice(0, -1);
    return whole
      .filter((line) => line.startsWith('{'))
      .map((line) => {
        const { time, ...fields } = JSON.parse(line) as JsonLine;
        if (typeof time !== 'string') throw new Error(`A line without its time: ${line}`);
        return fields;
      });
  }

  /** Resolves with the lines so far as soon as one matches. @throws if the program ends before */
  async untilLine(fits: (line: JsonLine) => boolean): Promise<JsonLine[]> {
    await this.until(() => this.lines.some(fits));
    return this.lines;
  }

  /** Resolves when the output so far satisfies the test. @throws if the program ends before */
  until(isSo: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const so = isSo();
        if (!so && this.#running) return;
        this.#lookers.delete(look);
        if (so) resolve();
        else reject(new Error(`It ended before that: ${this.stdout}${this.stderr}`));
      };
      this.#lookers.add(look);
      look();
    });
  }

  /** Sends a signal. Resolves with the exit code, and with the time that the end took, ms. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<{ readonly code: number | null; readonly ms: number }> {
    const before = performance.now();
    this.child.kill(signal);
    const { code } = await this.ended;
    return { code, ms: performance.now() - before };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  #look(): void {
    for (const look of [...this.#lookers]) look();
  }
}
