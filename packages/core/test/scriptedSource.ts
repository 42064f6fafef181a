import type { Adapter, QuietUpdate, Resume, Source, Target, Update } from '../src/adapter.js';
import type { KeyMap } from '../src/index.js';

type WatchOptions = Parameters<Source['watch']>[1];

/** One watch attempt as the test plays it. */
export class Attempt {
  readonly target: Target;
  readonly from: Resume | undefined;
  readonly held: KeyMap | undefined;
  readonly signal: AbortSignal;
  /** Takes a quiet update without the iteration. */
  readonly tell: (update: QuietUpdate) => void;
  #queue: (Update | Error | 'end')[] = [];
  #wake: (() => void) | undefined;
  returned = false;

  constructor(target: Target, options: WatchOptions) {
    this.target = target;
    this.from = options.from;
    this.held = options.held;
    this.signal = options.signal;
    this.tell = options.tell ?? (() => {});
  }

  play(...steps: (Update | Error | 'end')[]): this {
    this.#queue.push(...steps);
    this.#wake?.();
    return this;
  }

  [Symbol.asyncIterator](): AsyncIterator<Update> {
    return {
      next: async () => {
        while (this.#queue.length === 0) {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
        const step = this.#queue.shift();
        if (step instanceof Error) throw step;
        return step === undefined || step === 'end' ? { done: true, value: undefined } : { done: false, value: step };
      },
      return: async () => {
        this.returned = true;
        return { done: true, value: undefined };
      },
    };
  }
}

/** A source whose every attempt waits for the test: it never ends by itself, not even on an abort. */
export class ScriptedSource implements Source {
  supports = { resume: true, deltas: true, history: false };
  maxSilenceMs = Number.POSITIVE_INFINITY;
  disposed = 0;
  readonly attempts: Attempt[] = [];
  #waiting: ((attempt: Attempt) => void)[] = [];
  #taken = 0;

  watch(target: Target, options: WatchOptions): AsyncIterable<Update> {
    const attempt = new Attempt(target, options);
    this.attempts.push(attempt);
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      this.#taken++;
      waiting(attempt);
    }
    return attempt;
  }

  /** The next attempt that was not asked for yet. */
  next(): Promise<Attempt> {
    const attempt = this.attempts[this.#taken];
    if (attempt !== undefined) {
      this.#taken++;
      return Promise.resolve(attempt);
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disposed++;
  }
}

/** `scripted:cluster/prefix` on one source for each cluster. */
export function scriptedAdapter(source: (cluster: string) => Source): Adapter {
  return {
    schemes: ['scripted'],
    parse: (url) => {
      const [cluster = '', ...path] = url.slice('scripted:'.length).split('/');
      return { cluster, target: { prefix: path.join('/') } };
    },
    open: ({ cluster }) => source(cluster),
  };
}

export const put = (key: string, value: string, revision: string) =>
  ({ type: 'put', key, entry: { value: Buffer.from(value), revision, createRevision: revision } }) as const;

export const del = (key: string, revision: string) => ({ type: 'delete', key, revision }) as const;

export function snapshot(revision: string, entries: Record<string, string>, identity?: string): Update {
  const pairs = Object.entries(entries).map(([key, text]) => {
    const [value = '', at = revision] = text.split('@');
    return [key, { value: Buffer.from(value), revision: at, createRevision: at }] as const;
  });
  return { type: 'snapshot', revision, entries: pairs, ...(identity !== undefined && { identity }) };
}
