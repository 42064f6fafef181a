import type { Delta, FullRead, Resume, Update } from '../adapter/source.js';
import type { Step } from '../feed/subscriber.js';
import { type HeldSnapshot, isChanged } from '../model/changes.js';
import { type ErrorCode, WatchError } from '../model/errors.js';
import { compareRevisions } from '../model/revision.js';
import { applyBookmark, applyDelta, applySnapshot, firstSnapshot } from './apply.js';
import { type KeyedEntry, newerOf, newestOf, resumeAfter } from './resume.js';

type WholeState = Extract<Update, { type: 'snapshot' }>;
type ReplicaUpdate = Delta | Extract<Update, { type: 'bookmark' }>;

/** A copy of one target's state, kept by its updates, and what is known of its history. */
export class Replica {
  readonly #mintEpoch: () => number;
  #snapshot: HeldSnapshot | undefined;
  #identity: string | undefined;
  #newest: KeyedEntry | undefined;
  /** Set by an interruption: the next answer is a resync. */
  #interrupted = true;
  #mustReadAnew = false;
  #otherHistory = false;

  /** @param mintEpoch makes a number for a history that was not seen before. */
  constructor(mintEpoch: () => number) {
    this.#mintEpoch = mintEpoch;
  }

  get snapshot(): HeldSnapshot | undefined {
    return this.#snapshot;
  }

  /** Whether a bookmark or a delta may come next. */
  get isFollowing(): boolean {
    return this.#snapshot !== undefined && !this.#mustReadAnew;
  }

  /** Where a watch may resume; undefined if everything must be read again. */
  get resumePoint(): Resume | undefined {
    return this.#mustReadAnew ? undefined : this.present;
  }

  /** The present position, with what a store needs to prove that it has the same history. */
  get present(): Resume | undefined {
    if (this.#snapshot === undefined) return undefined;
    this.#newest = newestOf(this.#snapshot.entries, this.#newest);
    return resumeAfter(this.#snapshot, this.#newest, this.#identity);
  }

  /** An interruption: the next answer may not follow the present state. */
  interrupted(): void {
    this.#interrupted = true;
  }

  /** The backend refuses to resume from the present state. */
  refused(code: ErrorCode): void {
    this.#mustReadAnew = true;
    if (code === 'ROLLED_BACK' || code === 'OTHER_HISTORY') this.#otherHistory = true;
  }

  /**
   * Takes a past state (of `since` or a checkpoint) as the first. Undefined if the backend's own state came first.
   * @param continues whether a watch may resume from it. If not, the next answer counts as another history.
   */
  async beginWith({ revision, entries }: FullRead, continues: boolean): Promise<Step | undefined> {
    const step = await firstSnapshot({ revision, entries }, this.#mintEpoch());
    if (this.#snapshot !== undefined) return undefined;
    this.#snapshot = step.snapshot;
    this.#mustReadAnew = !continues;
    this.#otherHistory = !continues;
    return step;
  }

  /** `resync`: this is the first answer after an interruption. */
  async readAnew(update: WholeState): Promise<{ readonly step: Step; readonly resync: boolean }> {
    const step = await this.#stepTo(update);
    const resync = this.#interrupted;
    this.#snapshot = step.snapshot;
    this.#newest = undefined;
    this.#interrupted = false;
    return { step, resync };
  }

  /**
   * Undefined for an update below the present state, as a lagging member of a cluster sends it: it proves nothing, not
   * even that the watch is live.
   */
  move(update: ReplicaUpdate): Step | undefined {
    const held = this.#snapshot;
    if (held === undefined || !this.isFollowing) throw new WatchError('INTERNAL', 'There is no state to follow.');
    if (compareRevisions(update.revision, held.revision) < 0) return undefined;
    const step = update.type === 'delta' ? applyDelta(held, update) : applyBookmark(held, update);
    this.#snapshot = step.snapshot;
    if (update.type === 'delta') this.#newest = newerOf(this.#newest, update.events);
    this.#interrupted = false;
    return step;
  }

  async #stepTo(update: WholeState): Promise<Step> {
    const epoch = this.#epochOf(update);
    const held = this.#snapshot;
    const step =
      held === undefined
        ? await firstSnapshot(update, epoch)
        : this.#apart(held, await applySnapshot(held, update, epoch));
    // Set only now: the cluster has answered once the last entry was read.
    this.#identity = update.identity ?? this.#identity;
    this.#mustReadAnew = false;
    this.#otherHistory = false;
    return step;
  }

  /** Two different states at one revision belong to two histories: a restored Consul can reach the same index again. */
  #apart(held: HeldSnapshot, step: Step): Step {
    const { revision, epoch } = step.snapshot;
    if (!step.changed || epoch !== held.epoch || revision !== held.revision) return step;
    const snapshot = { ...step.snapshot, epoch: this.#mintEpoch() };
    return { ...step, snapshot, changed: isChanged(held, snapshot) };
  }

  #epochOf(update: WholeState): number {
    const held = this.#snapshot;
    const otherCluster =
      update.identity !== undefined && this.#identity !== undefined && update.identity !== this.#identity;
    const backward = held !== undefined && compareRevisions(update.revision, held.revision) < 0;
    const same = held !== undefined && !this.#otherHistory && !otherCluster && !backward;
    return same ? held.epoch : this.#mintEpoch();
  }
}
