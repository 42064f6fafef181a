import { PassThrough, Readable } from 'node:stream';
import { silentLogger } from '@rollcall/core/internal';
import { createRollcall, type Rollcall, type Source } from 'rollcall';
import { Output } from '../src/output/output.js';
import type { Session } from '../src/session/session.js';
import type { JsonLine } from './run.js';

/** What commands work with, on backends of the test's own: a memory store lives as long as its `rollcall`. */
export class OpenSession implements AsyncDisposable {
  readonly rollcall: Rollcall = createRollcall({ env: {} });
  readonly stdout = new PassThrough();
  readonly session: Session;
  readonly #stop = new AbortController();

  constructor(options: Partial<Session> = {}) {
    const { rollcall, stdout } = this;
    const { signal } = this.#stop;
    this.session = {
      rollcall,
      out: new Output(stdout, signal),
      logger: silentLogger,
      io: { stdin: Readable.from([]), stdout, stderr: new PassThrough(), env: {}, signal },
      json: true,
      jsonAsked: true,
      paint: (_, text) => text,
      columns: 80,
      ...options,
    };
  }

  /** Writes of a foreign hand. */
  writer(url: string): NonNullable<Source['write']> {
    const { write } = this.rollcall.open(url).source;
    if (write === undefined) throw new Error(`${url} cannot be written`);
    return write;
  }

  /** Reads what is printed until a line fits. @returns all lines read, without their time. */
  async until(fits: (line: JsonLine) => boolean): Promise<JsonLine[]> {
    const lines: JsonLine[] = [];
    let text = '';
    for await (const data of this.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
      text += data;
      const whole = text.split('\n');
      text = whole.pop() ?? '';
      for (const line of whole) {
        const { time: _, ...fields } = JSON.parse(line) as JsonLine;
        lines.push(fields);
      }
      if (lines.some(fits)) return lines;
    }
    throw new Error(`It ended before that: ${JSON.stringify(lines)}`);
  }

  /** As SIGINT does. */
  stop(): void {
    this.#stop.abort();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    return this.rollcall.close();
  }
}
