import type { Adapter } from '../adapter/source.js';

/** One write of a transaction. */
export type Write =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'delete'; readonly key: string };

/** The test functions of vitest, node:test, mocha or jest. */
export interface Runner {
  describe(name: string, define: () => void): void;
  readonly it: {
    (name: string, run: () => Promise<void>): void;
    skip(name: string, run: () => Promise<void>): void;
  };
}

/** What the suite needs for one backend. */
export interface Harness {
  readonly name: string;
  /** Scenarios that the backend cannot have, by id (`S12.bytes`), each with the reason. */
  readonly skips?: Readonly<Record<string, string>>;
  /**
   * For an adapter that polls: it is opened with real timers, because most scenarios hold their own clock still.
   * S26, which moves the clock of sixty processes, is skipped.
   */
  readonly needsRealTime?: true;
  /** How long a wait may take before its test fails, ms. Default: 20,000. */
  readonly patienceMs?: number;
  /** The largest value the backend takes; at least 1000. */
  readonly maxValueBytes: number;
  /** The changes that pass a stalled reader in S60. Default: 10,000, 100 in a transaction. */
  readonly flood?: { readonly changes: number; readonly perTransaction: number };
  /** Opens an empty backend; called for each scenario. */
  open(): Promise<Backend>;
}

/**
 * A running backend. Write and list by another way than the adapter under test, and list what the backend itself
 * answers. Keys are whole keys.
 */
export interface Backend extends AsyncDisposable {
  readonly adapter: Adapter;
  /** The URL of a path, which is percent-encoded already. */
  url(path: string): string;
  put(key: string, value: Uint8Array): Promise<void>;
  delete(key: string): Promise<void>;
  /** Makes all writes at once: a reader sees all of them or none. */
  transaction?(writes: readonly Write[]): Promise<void>;
  /** The backend's own answer: the keys that begin with the prefix. */
  list(prefix: string): Promise<Map<string, Uint8Array>>;
  /** Makes the backend unreachable for watchers, and not for the functions here. @returns ends the outage. */
  outage?(): Promise<() => Promise<void>>;
  /** Keeps connections open and answers nothing, as a half-open link does. @returns ends it. */
  stall?(): Promise<() => Promise<void>>;
  /** Answers what is not the backend's: a load balancer's page, half a document. @returns ends it. */
  answerBadly?(): Promise<() => Promise<void>>;
  /** Empties the store and begins another history, as a server does whose disk was replaced. */
  wipe?(): Promise<void>;
  /** Forgets the history up to now. */
  compact?(): Promise<void>;
  /** Makes open watches deliver events that they delivered before. */
  replay?(): Promise<void>;
}
