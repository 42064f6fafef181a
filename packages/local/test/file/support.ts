import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Entry, type KeyMap, systemTiming, type Timing } from '@rollcall/core';
import type { Source, Target, Update } from '@rollcall/core/adapter';
import { silentLogger } from '@rollcall/core/internal';
import { afterEach } from 'vitest';
import { FileSource } from '../../src/file/source.js';

/** How long a path must rest before it is believed, and how often it is looked at without events: fileRead, fileWatch. */
export const SETTLE_MS = 50;
export const POLL_MS = 2_000;

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A folder of the test's own. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-file-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function open(path: string, timing: Timing = systemTiming): Source {
  const source = new FileSource(path, silentLogger, timing);
  cleanups.push(() => source[Symbol.asyncDispose]());
  return source;
}

/** Follows a source's updates in a readable form. */
export class Reader {
  readonly abort = new AbortController();
  readonly iterator: AsyncIterator<Update>;

  constructor(source: Source, target: Target = { prefix: '' }, held?: KeyMap) {
    const options = { signal: this.abort.signal, ...(held && { held }) };
    this.iterator = source.watch(target, options)[Symbol.asyncIterator]();
  }

  /** The entries of the next update, which must be a snapshot. */
  async entries(): Promise<Map<string, Entry>> {
    const { done, value } = await this.iterator.next();
    if (done || value.type !== 'snapshot')
      throw new Error(`Not a snapshot: ${describeUpdate(done ? undefined : value)}`);
    return new Map(value.entries);
  }

  /** The next snapshot as texts. */
  async state(): Promise<Record<string, string>> {
    return texts(await this.entries());
  }

  /** The message of the next update, which must be trouble. */
  async trouble(): Promise<string> {
    const { done, value } = await this.iterator.next();
    if (done || value.type !== 'trouble') throw new Error(`No trouble: ${describeUpdate(done ? undefined : value)}`);
    return `${value.error.code} ${value.error.message}`;
  }
}

export function texts(entries: Iterable<readonly [string, Entry]>): Record<string, string> {
  return Object.fromEntries([...entries].map(([key, { value }]) => [key, Buffer.from(value).toString()]));
}

function describeUpdate(update: Update | undefined): string {
  if (update === undefined) return 'the end';
  return update.type === 'snapshot' ? JSON.stringify(texts(update.entries)) : JSON.stringify(update);
}

/** Time passes only where the test lets it. */
export class HandTiming implements Timing {
  readonly wallNow: () => number;
  readonly random = systemTiming.random;
  readonly #timers = new Map<() => void, number>();
  #now = 0;
  readonly #onSchedule: (() => void)[] = [];

  constructor(wallNow = systemTiming.wallNow) {
    this.wallNow = wallNow;
  }

  readonly now = (): number => this.#now;

  readonly schedule = (ms: number, run: () => void): (() => void) => {
    this.#timers.set(run, ms);
    for (const tell of this.#onSchedule.splice(0)) tell();
    return () => void this.#timers.delete(run);
  };

  get pending(): number {
    return this.#timers.size;
  }

  /** Resolves when somebody waits for exactly this long. */
  async waiting(ms: number): Promise<void> {
    while (![...this.#timers.values()].includes(ms)) {
      await new Promise<void>((resolve) => this.#onSchedule.push(resolve));
    }
  }

  /** Lets those that wait for this long go on. */
  fire(ms: number): void {
    this.#now += ms;
    for (const [run, each] of [...this.#timers]) {
      if (each !== ms) continue;
      this.#timers.delete(run);
      run();
    }
  }

  /** Lets paths come to rest until the promise settles. */
  async settling<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const end = promise.then(
      () => {},
      () => {},
    );
    void end.then(() => {
      settled = true;
    });
    while (!settled) {
      await Promise.race([this.waiting(SETTLE_MS), end]);
      this.fire(SETTLE_MS);
    }
    return promise;
  }

  /** Lets a watch read until it waits for events. */
  idle(): Promise<void> {
    return this.settling(this.waiting(POLL_MS));
  }
}
