import { PassThrough, Readable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { main } from '../src/index.js';

export interface RunOptions {
  readonly stdin?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  /** Standard output is a terminal. */
  readonly tty?: boolean;
  /** Of that terminal. Default: 80. */
  readonly columns?: number;
}

export type JsonLine = Readonly<Record<string, unknown>>;

/** A `rollcall` command line that runs in this process. */
export class Run {
  readonly done: Promise<number>;
  readonly stdout: PassThrough & { isTTY?: boolean; columns?: number };
  readonly #stderr = new PassThrough();
  readonly #stop = new AbortController();
  readonly #out: Buffer[] = [];
  #err = '';

  constructor(argv: readonly string[], { stdin = '', env = {}, tty = false, columns = 80 }: RunOptions = {}) {
    const stderr = this.#stderr.setEncoding('utf8').on('data', (text) => {
      this.#err += text;
    });
    this.stdout = Object.assign(new PassThrough(), tty ? { isTTY: true, columns } : {});
    this.stdout.on('data', (data) => this.#out.push(data));
    const { stdout } = this;
    this.done = main(argv, {
      stdin: Readable.from([Buffer.from(stdin)]),
      stdout,
      stderr,
      env,
      signal: this.#stop.signal,
    });
  }

  /** As a signal does. Resolves with the exit code. */
  end(signal = 'SIGINT'): Promise<number> {
    this.#stop.abort(signal);
    return this.done;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#out);
  }

  get text(): string {
    return this.bytes.toString();
  }

  /** Without colours and the time in front. */
  get plainLines(): string[] {
    const lines = stripVTControlCharacters(this.text).trimEnd().split('\n');
    return lines.map((line) => line.replace(/^\d\d:\d\d:\d\d\.\d{3} {2}/, ''));
  }

  get errors(): string {
    return this.#err;
  }

  /** The whole lines so far, without their time, which is checked to be one. */
  get json(): JsonLine[] {
    return this.text
      .split('\n')
      .slice(0, -1)
      .map((line) => {
        const { time, ...fields } = JSON.parse(line) as { time: string };
        if (new Date(time).toISOString() !== time) throw new Error(`Not an ISO time: ${line}`);
        return fields;
      });
  }

  /** Resolves with all lines so far as soon as one of them fits. */
  async until(fits: (line: JsonLine) => boolean): Promise<JsonLine[]> {
    while (!this.json.some(fits)) await this.#more();
    return this.json;
  }

  async untilText(pattern: RegExp): Promise<string> {
    while (!pattern.test(stripVTControlCharacters(this.text))) await this.#more();
    return this.text;
  }

  /** Resolves as soon as standard error holds it. */
  async untilErrors(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.errors)) await this.#more(this.#stderr);
    return this.errors;
  }

  #more(stream = this.stdout): Promise<void> {
    return new Promise((resolve, reject) => {
      stream.once('data', () => resolve());
      void this.done.then((code) => reject(new Error(`It ended with ${code}: ${this.text}${this.#err}`)));
    });
  }
}

/** Runs a command to its end. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<Run & { readonly code: number }> {
  const started = new Run(argv, options);
  const code = await started.done;
  return Object.assign(started, { code });
}
