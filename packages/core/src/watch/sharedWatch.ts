import { readOnce } from '../adapter/readOnce.js';
import type { Source, Target } from '../adapter/source.js';
import type { CheckpointKeeper } from '../checkpoint/keeper.js';
import type { Subscriber } from '../feed/subscriber.js';
import { until } from '../feed/until.js';
import type { HeldSnapshot } from '../model/changes.js';
import type { Revision } from '../model/revision.js';
import { Tree } from '../model/tree.js';
import type { ReadResult, Status } from '../model/types.js';
import type { Logger } from '../runtime/logger.js';
import { Slices } from '../runtime/slices.js';
import type { LogThrottle } from '../runtime/throttle.js';
import type { Timing } from '../runtime/timing.js';
import { Reflector } from './reflector.js';

interface SharedWatchOptions {
  readonly source: Source;
  /** As `ReflectorHost.adapter`. */
  readonly adapter: string;
  readonly target: Target;
  /** The revision to begin with. */
  readonly since: Revision | undefined;
  /** Gives the first state while the backend is away, and stores the last one. */
  readonly checkpoint: CheckpointKeeper | undefined;
  readonly timing: Timing;
  readonly logger: Logger;
  readonly warnings: LogThrottle;
  mintEpoch(): number;
  onClosed(): Promise<void>;
}

/** One upstream watch of one target, for any number of handles. */
export class SharedWatch {
  readonly target: Target;
  /** The revision that it began with. Such a watch has one handle. */
  readonly since: Revision | undefined;
  readonly #source: Source;
  readonly #timing: Timing;
  readonly #subscribers = new Set<Subscriber>();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  readonly #reflector: Reflector;
  readonly #checkpoint: CheckpointKeeper | undefined;
  readonly #onClosed: () => Promise<void>;
  #held: HeldSnapshot | undefined;
  /** Whether the state was ever live. */
  #answered = false;

  constructor(options: SharedWatchOptions) {
    const { checkpoint } = options;
    this.target = options.target;
    this.since = options.since;
    this.#source = options.source;
    this.#timing = options.timing;
    this.#checkpoint = checkpoint;
    this.#onClosed = options.onClosed;
    if (checkpoint !== undefined) {
      this.#subscribers.add(checkpoint);
      checkpoint.follow(() => this.status);
    }
    const reflector = new Reflector({
      ...options,
      recall: checkpoint && (() => checkpoint.load(this.#stop.signal)),
      onStep: (step, resync) => {
        this.#held = step.snapshot;
        for (const subscriber of this.#subscribers) subscriber.onStep(step, resync);
      },
      readersAreTaking: () => {
        for (const subscriber of this.#subscribers) if (subscriber.isTaking?.()) return true;
        return false;
      },
      onStatus: (status) => {
        this.#answered ||= status.state === 'live';
        for (const subscriber of this.#subscribers) subscriber.onStatus(status);
      },
    });
    this.#reflector = reflector;
    this.#running = reflector.run(this.#stop.signal);
  }

  get held(): HeldSnapshot | undefined {
    return this.#held;
  }

  /** The present status; a live one has the time of its last proof. */
  get status(): Status {
    return this.#reflector.status;
  }

  /** A note of the checkpoint; undefined if there is none. */
  async note(name: string): Promise<string | undefined> {
    return this.#checkpoint?.note(name);
  }

  /** Does nothing without a checkpoint. */
  setNote(name: string, value: string): void {
    this.#checkpoint?.setNote(name, value);
  }

  subscribe(subscriber: Subscriber): void {
    this.#subscribers.add(subscriber);
  }

  unsubscribe(subscriber: Subscriber): void {
    this.#subscribers.delete(subscriber);
  }

  /**
   * Resolves as soon as the state is proven current.
   * @throws WatchError the fatal error, also if there is a checkpoint's state; or the signal's reason.
   */
  async live(signal: AbortSignal): Promise<HeldSnapshot> {
    const answer = (): HeldSnapshot | undefined => {
      const { status } = this;
      if (status.state === 'failed') throw status.error;
      if (status.state === 'stale' && !this.#answered && !status.error.retryable) throw status.error;
      return status.state === 'live' ? this.#held : undefined;
    };
    const listen = (wake: () => void): (() => void) => {
      const subscriber: Subscriber = { onStep: wake, onStatus: wake };
      this.#subscribers.add(subscriber);
      return () => this.#subscribers.delete(subscriber);
    };
    return until(answer, listen, { signal, timing: this.#timing });
  }

  /** One full read, apart from the watch. */
  async read(signal: AbortSignal): Promise<ReadResult> {
    const { revision, entries } = await readOnce(this.#source, this.target, { signal });
    return { revision, entries: await Tree.build(entries, new Slices()) };
  }

  async close(): Promise<void> {
    this.#subscribers.clear();
    this.#stop.abort();
    await Promise.all([this.#running.then(() => this.#onClosed()), this.#checkpoint?.close()]);
  }
}
