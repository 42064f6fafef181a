import type { Batch, Entry, Revision, Snapshot } from '@rollcall/core';
import type { Difference } from './difference.js';
import type { Random } from './random.js';
import type { FaultKind } from './schedule.js';

/** Something to watch. */
export interface ChaosTarget {
  /** For people. */
  readonly name: string;
  readonly url: string;
  /** A literal prefix in place of the URL's path. */
  readonly prefix?: string;
  /** When a held entry is what the server answers; equal in all respects unless given. */
  readonly same?: (answer: Entry, held: Entry) => boolean;
}

/** A batch as it was told, without the state it came with. */
export interface Told extends Pick<Batch, 'changes' | 'cause' | 'coalesced'> {
  readonly revision: Revision;
  readonly epoch: number;
  /** When it was told: monotonic, ms. */
  readonly at: number;
  /** Which of the store's histories it is about. */
  readonly era: number;
  /** The watch was stale for a while since the batch before. */
  readonly afterOutage?: boolean;
}

/** What one reader was told, held against what happened in the store. */
export interface Account {
  /** @returns what is wrong with the next batch; nothing when it is what had to be told. */
  check(told: Told): Difference[];
}

/** What a watcher held at a moment at which its status was live. */
export interface Sample {
  readonly watcher: string;
  readonly target: ChaosTarget;
  readonly snapshot: Snapshot;
  /** When: monotonic, ms. */
  readonly at: number;
  /** The state must be one that the store had at this time or later: monotonic, ms. */
  readonly since: number;
  /** The store's history at that moment. */
  readonly era: number;
}

/** What a sample held that the store did not hold then. */
export type Contradiction = Pick<Difference, 'key' | 'got' | 'events'>;

/** What the store held and holds, by its own word and not by the adapter under test. */
export interface Truth {
  /** The store's present history: the number moves when a restore gives it another. It does so while nobody is live. */
  readonly era: number;
  /** Takes note of all that happened in the store until now. */
  catchUp(): Promise<void>;
  /** Whether nothing happened to the target after this state of the present era, as far as is known. */
  isCurrent(target: ChaosTarget, snapshot: Snapshot): boolean;
  /** The server's own answer: the target's keys, relative as a watcher's, now or at a revision of the present era. */
  answerAt(target: ChaosTarget, revision?: Revision): Promise<ReadonlyMap<string, Entry>>;
  /** @param prompt whether the reader takes each batch at once, so that none may cover two revisions. */
  account(watcher: string, target: ChaosTarget, prompt: boolean): Account;
  /** The last that happened to a key up to a revision of the present era, for people. */
  lastEvents(key: string, revision: Revision): string[];
  /** Takes down in the background what the store has come to by now, for `contradiction`. */
  observe(): void;
  /** Why the store did not have the sample's state at `since` or later; undefined if it had, or nobody can know. */
  contradiction(sample: Sample): Contradiction | undefined;
  /** What happened before the last checkpoint is not asked for again. */
  forget(): void;
}

export interface ChaosWriter {
  /** Operations that were acknowledged, and those that were not, by kind. */
  readonly counts: Readonly<Record<string, number>>;
  start(): void;
  /** Resolves when no operation is under way. */
  pause(): Promise<void>;
  resume(): void;
}

/** The watchers as a fault sees them. */
export interface Watchers {
  /** Waits until every watcher has noticed that it is cut off. */
  untilNobodyIsLive(): Promise<void>;
  /** Waits until every watcher has recovered from what was before. */
  untilAllAreLive(): Promise<void>;
  /** They failed to do what they promise. */
  blame(what: string): void;
}

/** What a fault is told and may ask for. */
export interface FaultContext {
  readonly forMs: number;
  readonly random: Random;
  readonly watchers: Watchers;
  /** Writes a line to the log. */
  say(text: string): void;
}

/** A fault heals what it broke before it resolves. */
export interface Fault extends FaultKind {
  run(context: FaultContext): Promise<void>;
}

/** A cluster that is written to and broken, behind links that can be broken too. */
export interface ChaosBackend extends AsyncDisposable {
  readonly name: string;
  readonly targets: readonly ChaosTarget[];
  readonly faults: readonly Fault[];
  readonly writer: ChaosWriter;
  readonly truth: Truth;
  /** Connections from watchers to the servers. */
  readonly connections: { readonly open: number; readonly total: number };
  /** More for the report. */
  readonly counts?: Readonly<Record<string, unknown>>;
  /** What the watchers use of the servers while all is well and nothing is amiss about it. */
  inUse(): Promise<Difference[]>;
  /** What watchers that are all closed have left behind, given some time to go. */
  leftovers(): Promise<Difference[]>;
}

/** What is held against the truth: Rollcall's watchers, or those of another library as a control. */
export interface Subject extends Watchers {
  /** Opens the watchers and waits until they have their first state. */
  begin(): Promise<void>;
  /**
   * Faults are healed and the writer pauses: waits until all have caught up and compares everything.
   * @returns what is wrong
   */
  check(): Promise<Difference[]>;
  /** Closes all. @returns what is wrong about that */
  end(): Promise<Difference[]>;
  /** For the report. */
  readonly counts: Readonly<Record<string, unknown>>;
}
