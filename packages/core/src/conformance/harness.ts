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

/** What the suite needs to know of a backend. */
export interface Harness {
  readonly name: string;
  /** Scenarios this backend cannot have, by id (`S12.bytes`), each with the reason. */
  readonly skips?: Readonly<Record<string, string>>;
  /**
   * For an adapter that polls: it is opened with the system's clock, because most scenarios hold their own clock still.
   * S26, which moves the clock of sixty processes, is skipped.
   */
  readonly needsRealTime?: true;
  /** How long a wait may take before its test fails, ms. Default: 20,000. */
  readonly patienceMs?: number;
  /** The largest value the backend takes; at least 1000. */
  readonly maxValueBytes: number;
  /** How much passes a stalled reader in S60. Default: 10,000 changes, 100 a transaction. */
  readonly flood?: { readonly changes: number; readonly perTransaction: number };
  /** An empty backend; called for each scenario. */
  open(): Promise<Backend>;
}

/**
 * A running backend. Whatever writes here must be another program than the adapter under test, or at least another way
 * in, and whatever reads must ask the backend itself. Keys are whole keys.
 */
export interface Backend extends AsyncDisposable {
  readonly adapter: Adapter;
  /** The URL of a path that is percent-encoded already. */
  url(path: string): string;
  put(key: string, value: Uint8Array): Promise<void>;
  delete(key: string): Promise<void>;
  /** All writes at once, so that no reader sees some of them without the others. */
  transaction?(writes: readonly Write[]): Promise<void>;
  /** The backend's own answer: the keys that begin with the prefix. */
  list(prefix: string): Promise<Map<string, Uint8Array>>;
  /** Makes the backend unreachable for watchers, though not for the functions here. @returns what ends the outage. */
  outage?(): Promise<() => Promise<void>>;
  /** Keeps connections open and answers nothing, as a half-open link does. @returns what ends it. */
  stall?(): Promise<() => Promise<void>>;
  /** Answers what is not this backend's, as a load balancer's page or half a document. @returns what ends it. */
  answerBadly?(): Promise<() => Promise<void>>;
  /** Forgets the history up to now. */
  compact?(): Promise<void>;
  /** Makes the watches deliver again what they delivered before. */
  replay?(): Promise<void>;
}
