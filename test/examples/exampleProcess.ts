import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url));

/** One of the examples as a user runs it: a process of its own, of what is built. */
export class ExampleProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #exited: Promise<number | null>;
  /** All of its standard output and standard error. */
  output = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#exited = once(child, 'exit').then(([code]) => code as number | null);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
  }

  static async start(name: string, args: readonly string[]): Promise<ExampleProcess> {
    const child = spawn(process.execPath, [`${EXAMPLES}${name}/build/main.js`, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    await once(child, 'spawn');
    return new ExampleProcess(child);
  }

  /** Resolves when it has written this. @throws Error when it ended before. */
  async said(text: string): Promise<void> {
    const over = this.#exited.then((code) => {
      if (!this.output.includes(text))
        throw new Error(`It ended with ${code} and did not say "${text}": ${this.output}`);
    });
    const more = () => Promise.race([once(this.#child.stdout ?? this.#child, 'data'), this.#onError(), over]);
    while (!this.output.includes(text)) await more();
  }

  /** @returns the exit code */
  stop(signal: NodeJS.Signals): Promise<number | null> {
    this.#child.kill(signal);
    return this.#exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) await this.stop('SIGKILL');
  }

  #onError(): Promise<unknown> {
    return once(this.#child.stderr ?? this.#child, 'data');
  }
}
