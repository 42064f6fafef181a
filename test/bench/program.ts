import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { reaper } from '../support/reaper.js';
import { within } from '../support/within.js';

/** How long a program may take, ms: only so that a failure says which one did not end. */
const PATIENCE_MS = 300_000;

/** What a program measured, and what was seen of its process. */
export interface Measured {
  readonly [metric: string]: number;
  /** From its start to its end. */
  readonly wallMs: number;
}

/** A measured program in a process of its own, on what was built last. */
export class BenchProgram {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #startedAt = performance.now();
  readonly #ended: Promise<number>;
  readonly #lines: string[] = [];
  readonly #lookers = new Set<() => void>();
  readonly #name: string;
  #errors = '';

  constructor(command: string, args: readonly string[], name: string) {
    this.#name = name;
    this.#child = spawn(command, args);
    const { pid } = this.#child;
    if (pid !== undefined) reaper().register(pid);
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.#lines.push(line);
      for (const look of this.#lookers) look();
    });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
    this.#child.stdin.on('error', () => {});
    this.#ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code) => {
        if (pid !== undefined) reaper().unregister(pid);
        const wallMs = performance.now() - this.#startedAt;
        if (code === 0) resolve(wallMs);
        else reject(new Error(`${name} ended with ${code}: ${this.#errors.slice(-2_000)}`));
      });
    });
    this.#ended.catch(() => {});
  }

  /** One of `programs/`. */
  static of(program: string, task: object, flags: readonly string[] = []): BenchProgram {
    const file = fileURLToPath(new URL(`./programs/${program}.mjs`, import.meta.url));
    return new BenchProgram(process.execPath, [...flags, file, JSON.stringify(task)], program);
  }

  /** Resolves once it has printed such a line. */
  async said(line: string): Promise<void> {
    const there = new Promise<void>((resolve) => {
      const look = (): void => {
        if (!this.#lines.includes(line)) return;
        this.#lookers.delete(look);
        resolve();
      };
      this.#lookers.add(look);
      look();
    });
    const ended = this.#ended.then(() => {
      if (!this.#lines.includes(line)) throw new Error(`${this.#name} ended without a word of "${line}"`);
    });
    await within(PATIENCE_MS, `${this.#name} says "${line}"`, Promise.race([there, ended]));
  }

  tell(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  /** Ends its standard input, and waits for what it measured. */
  async result(): Promise<Measured> {
    this.#child.stdin.end();
    const wallMs = await within(PATIENCE_MS, `${this.#name} ends`, this.#ended);
    const last = this.#lines.findLast((line) => line.startsWith('{'));
    return { ...(last === undefined ? {} : (JSON.parse(last) as Record<string, number>)), wallMs };
  }
}

/** Runs one of `programs/` to its end. */
export function measure(program: string, task: object, flags: readonly string[] = []): Promise<Measured> {
  return BenchProgram.of(program, task, flags).result();
}

/** Runs a command to its end; its output is read and thrown away. @returns from its start to its end, ms. */
export async function timed(command: string, args: readonly string[]): Promise<number> {
  const startedAt = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (child.pid !== undefined) reaper().register(child.pid);
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  if (child.pid !== undefined) reaper().unregister(child.pid);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}`);
  return performance.now() - startedAt;
}
