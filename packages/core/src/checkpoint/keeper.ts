import type { Step, Subscriber } from '../feed/subscriber.js';
import { WatchError } from '../model/errors.js';
import type { Snapshot, Status } from '../model/types.js';
import type { LogThrottle } from '../runtime/throttle.js';
import { inTime, type Timing } from '../runtime/timing.js';
import type { CheckpointFile } from './file.js';
import type { Checkpoint } from './format.js';

/** The shortest time between two writes while the state changes, ms. */
const WRITE_EVERY_MS = 5_000;
/** If reading takes longer than this, ms, the watch starts without the checkpoint. */
const LOAD_MS = 30_000;
/** The time of the last write in `close()`, ms, which must settle within 1 s. */
const CLOSE_MS = 700;

export interface CheckpointKeeperOptions {
  readonly file: Pick<CheckpointFile, 'path' | 'read' | 'notes' | 'write' | 'tidy'>;
  readonly timing: Timing;
  readonly warnings: LogThrottle;
  /**
   * The keeper that may write to a path. If two watches have one path, as before and after a swap, the one that became
   * live last may write: the old one must not restore its own state when it closes, and the new one has nothing to
   * write before it is live.
   */
  readonly writers: Map<string, CheckpointKeeper>;
}

/** Keeps the checkpoint file of one watch. Errors are logged and never disturb the watch. */
export class CheckpointKeeper implements Subscriber {
  readonly #options: CheckpointKeeperOptions;
  /** The present status of the watch. */
  #now: () => Status = () => this.#status;
  /** Aborts the write that is under way. */
  #abandon = new AbortController();
  #loaded: Promise<Checkpoint | undefined> | undefined;
  #snapshot: Snapshot | undefined;
  /** The notes to keep with the state. */
  #notes: Readonly<Record<string, string>> = {};
  #notesRead: Promise<void> | undefined;
  #status: Status = { state: 'connecting', attempt: 0 };
  /** Whether the watch was ever live: only then there is a state worth keeping. */
  #answered = false;
  #dirty = false;
  #lastWriteAt = Number.NEGATIVE_INFINITY;
  /** The `provenAt` in the file. */
  #writtenProof = Number.NEGATIVE_INFINITY;
  #cancelTimer: (() => void) | undefined;
  #writing: Promise<void> | undefined;
  #closing = false;

  constructor(options: CheckpointKeeperOptions) {
    this.#options = options;
  }

  /** @param status gives the present status; a live one has the time of its last proof. */
  follow(status: () => Status): void {
    this.#now = status;
  }

  /** Reads the state of the last process, once; undefined, with a warning, if the file cannot be used. */
  load(signal: AbortSignal): Promise<Checkpoint | undefined> {
    this.#loaded ??= this.#load(signal);
    return this.#loaded;
  }

  /** A note of this or an earlier process. */
  async note(name: string): Promise<string | undefined> {
    await this.#readNotes();
    return Object.hasOwn(this.#notes, name) ? this.#notes[name] : undefined;
  }

  /** Keeps a note for this and later processes. */
  setNote(name: string, value: string): void {
    if (this.#notes[name] === value) return;
    this.#notes = { ...this.#notes, [name]: value };
    this.#dirty = true;
    this.#writeSoon();
  }

  onStep({ snapshot, changed }: Step): void {
    this.#snapshot = snapshot;
    this.#dirty ||= changed;
    this.#writeSoon();
  }

  onStatus(status: Status): void {
    this.#status = status;
    if (status.state !== 'live') return;
    if (!this.#answered) this.#takeOver();
    this.#answered = true;
    this.#writeSoon();
  }

  /** Writes the state if it has changed, or if its `provenAt` has. */
  async close(): Promise<void> {
    const { timing, file, writers } = this.#options;
    this.#closing = true;
    this.#cancelTimer?.();
    await inTime(timing, CLOSE_MS, this.#finish());
    this.#abandon.abort();
    if (writers.get(file.path) === this) writers.delete(file.path);
  }

  /**
   * Reads the notes of the file once, before the first write: a process that asks for no note must keep those of
   * others.
   */
  #readNotes(): Promise<void> {
    this.#notesRead ??= this.#options.file.notes().then((before) => {
      // Notes of this process are newer.
      this.#notes = { ...before, ...this.#notes };
    });
    return this.#notesRead;
  }

  async #load(signal: AbortSignal): Promise<Checkpoint | undefined> {
    const { file, timing } = this.#options;
    const reading = file.read().then(
      (found) => ({ found }),
      (error: Error) => ({ why: error.message }),
    );
    const outcome = (await inTime(timing, LOAD_MS, reading, signal)) ?? { why: `was not read within ${LOAD_MS} ms` };
    if ('found' in outcome) return outcome.found;
    if (!signal.aborted) this.#warn(`${outcome.why}: it is ignored.`);
    return undefined;
  }

  #takeOver(): void {
    const { writers, file } = this.#options;
    const before = writers.get(file.path);
    // The other keeper's state is older than this one's.
    if (before !== undefined) before.#abandon.abort();
    writers.set(file.path, this);
  }

  get #isWriter(): boolean {
    const { writers, file } = this.#options;
    return (writers.get(file.path) ?? this) === this;
  }

  #writeSoon(): void {
    if (!this.#dirty || !this.#answered || this.#closing || !this.#isWriter) return;
    if (this.#cancelTimer !== undefined || this.#writing !== undefined) return;
    const { timing } = this.#options;
    this.#cancelTimer = timing.schedule(Math.max(0, this.#lastWriteAt + WRITE_EVERY_MS - timing.now()), () => {
      this.#cancelTimer = undefined;
      this.#writing = this.#write().finally(() => {
        this.#writing = undefined;
        this.#writeSoon();
      });
    });
  }

  async #finish(): Promise<void> {
    await this.#writing;
    if (this.#answered && (this.#dirty || this.#provenAt > this.#writtenProof)) await this.#write();
  }

  /** Never rejects. A failed write is tried again. */
  async #write(): Promise<void> {
    const { file, timing } = this.#options;
    const snapshot = this.#snapshot;
    if (snapshot === undefined || !this.#isWriter) return;
    const abandon = new AbortController();
    this.#abandon = abandon;
    const provenAt = this.#provenAt;
    const isFirst = this.#lastWriteAt === Number.NEGATIVE_INFINITY;
    this.#lastWriteAt = timing.now();
    this.#dirty = false;
    try {
      await this.#readNotes();
      if (isFirst) await file.tidy();
      const { revision, entries } = snapshot;
      const notes = Object.keys(this.#notes).length === 0 ? {} : { notes: this.#notes };
      await file.write({ revision, entries, provenAt, ...notes }, abandon.signal);
      this.#writtenProof = provenAt;
    } catch (error) {
      this.#dirty = true;
      if (!abandon.signal.aborted) this.#warn(`${(error as Error).message}: the watch goes on without it.`);
    }
  }

  /** When the state was last proven to be the backend's. */
  get #provenAt(): number {
    const status = this.#now();
    if (status.state === 'live') return status.provenAt;
    return status.state === 'stale' ? status.since : Number.NEGATIVE_INFINITY;
  }

  #warn(what: string): void {
    const error = new WatchError('CHECKPOINT', `The checkpoint ${this.#options.file.path} ${what}`);
    try {
      this.#options.warnings.warn(error, error.message);
    } catch {
      // If the logger throws, the rejection must not end the process.
    }
  }
}
