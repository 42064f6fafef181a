import type { Entry, Snapshot } from '@rollcall/core';
import type { Account, ChaosTarget, Contradiction, Sample, Truth } from '../backend.js';
import { differences } from '../difference.js';
import { HistoryAccount } from './account.js';
import { headOf, readAll, replay } from './archive.js';
import { History } from './history.js';
import type { Members } from './members.js';
import { scopeOf } from './targets.js';
import type { Acknowledged } from './writer.js';

const COMPACTION_MS = 10_000;
/** Leases expire during a checkpoint too, and what was told of that is accounted for at the next one. */
const NOT_FORGOTTEN = 1_000n;

/** So many revisions are shown beyond that of a wrong state. */
const SOON_AFTER = 50n;
/** So old heads are of no use: no status is live for so long without a proof, ms. */
const OLD_MS = 60_000;

/** The store had come at least so far at a time. */
interface Head {
  /** Monotonic, ms. */
  readonly at: number;
  readonly era: number;
  readonly revision: bigint;
}

/** A snapshot on disk. */
export interface Saved {
  readonly file: string;
  /** What the store held then: so much of the history of that era. */
  readonly era: number;
  readonly revision: bigint;
}

/**
 * All that happened in the store, era by era, as its members replay it through their JSON gateways. Nothing is compacted or
 * restored here before it is in the ledger.
 */
export class Ledger implements Truth {
  readonly #members: Members;
  readonly #takeAcknowledged: () => readonly Acknowledged[];
  readonly #histories = new Map<number, History>();
  #heads: Head[] = [];
  #observing = false;
  #era = 1;

  private constructor(members: Members, takeAcknowledged: () => readonly Acknowledged[], base: History) {
    this.#members = members;
    this.#takeAcknowledged = takeAcknowledged;
    this.#histories.set(this.#era, base);
  }

  /** @param takeAcknowledged the writes that succeeded since the last call: each must be in the ledger */
  static async begin(members: Members, takeAcknowledged: () => readonly Acknowledged[]): Promise<Ledger> {
    const { revision, state } = await members.anyone((gateway) => readAll(gateway));
    return new Ledger(members, takeAcknowledged, new History(state, revision));
  }

  get era(): number {
    return this.#era;
  }

  get history(): History {
    const history = this.#histories.get(this.#era);
    if (history === undefined) throw new Error('the present era has no history');
    return history;
  }

  async catchUp(): Promise<void> {
    const { history } = this;
    const acknowledged = this.#takeAcknowledged();
    await this.#members.anyone(async (gateway) => {
      for (const commit of await replay(gateway, history.head, await headOf(gateway))) history.append(commit);
    });
    for (const write of acknowledged) assertRecorded(history, write);
  }

  /**
   * Forgets, in the cluster, what was before a revision; what is not in the ledger yet is put there first.
   * @returns the revision
   */
  async compact(behindHead: bigint): Promise<bigint> {
    await this.catchUp();
    const { head, compacted } = this.history;
    const revision = head - behindHead > compacted ? head - behindHead : head;
    if (revision > compacted) await this.#compactAt(revision);
    return revision;
  }

  /** The store holds what it did when it was saved, and says that this is `bump` revisions later. */
  async restored(saved: Saved, bump: bigint): Promise<void> {
    const { history } = this;
    const isKnown = saved.era === this.#era && saved.revision >= history.baseRevision;
    const { revision, state } = await this.#members.anyone((gateway) => readAll(gateway));
    if (revision !== saved.revision + bump) throw new Error(`restored to ${revision}, not ${saved.revision} + ${bump}`);
    const next = isKnown ? history.fork(saved.revision) : new History(state, revision);
    if (bump > 0n) next.bump(revision);
    const wrong = differences(next.stateAt({ prefix: '', exact: false }, revision), state);
    if (wrong.length > 0) throw new Error(`the restored store is not what was saved: ${JSON.stringify(wrong[0])}`);
    this.#era++;
    this.#histories.set(this.#era, next);
    // What the ledger does not know nobody may be told.
    if (!isKnown && bump === 0n) await this.#compactAt(revision);
  }

  isCurrent(target: ChaosTarget, { revision }: Snapshot): boolean {
    return this.history.isQuietAfter(scopeOf(target), BigInt(revision));
  }

  async answerAt(target: ChaosTarget, revision?: string): Promise<ReadonlyMap<string, Entry>> {
    const { prefix, exact } = scopeOf(target);
    const { state } = await this.#members.anyone((gateway) => readAll(gateway, this.#answerable(revision)));
    const within = [...state].filter(([key]) => (exact ? key === prefix : key.startsWith(prefix)));
    return new Map(within.map(([key, entry]) => [key.slice(prefix.length), entry]));
  }

  account(watcher: string, target: ChaosTarget, prompt: boolean): Account {
    const history = (era: number): History | undefined => this.#histories.get(era);
    return new HistoryAccount({ watcher, scope: scopeOf(target), prompt, history });
  }

  observe(): void {
    if (this.#observing) return;
    this.#observing = true;
    const era = this.#era;
    void headOf(this.#members.current)
      .then((revision) => {
        if (era === this.#era) this.#heads.push({ at: performance.now(), era, revision });
      })
      // Asked again in a moment, maybe of the next member.
      .catch(() => this.#members.turn())
      .finally(() => {
        this.#observing = false;
      });
  }

  contradiction({ target, snapshot, since, at, era }: Sample): Contradiction | undefined {
    const history = this.#histories.get(era);
    if (history === undefined) return { got: `a state of history ${era}, of which nothing is known` };
    const scope = scopeOf(target);
    const revision = BigInt(snapshot.revision);
    const floor = this.#heads.findLast((head) => head.era === era && head.at <= since);
    const [missed] = floor === undefined ? [] : history.between(scope, revision, floor.revision);
    if (floor !== undefined && missed !== undefined) {
      const agoMs = Math.round(at - floor.at);
      return { got: `no revision ${missed.revision}; the store was at ${floor.revision} ${agoMs} ms before` };
    }
    if (revision < history.baseRevision) return undefined;
    const [wrong, ...more] = differences(history.stateAt(scope, revision), new Map(snapshot.entries), target.same);
    if (wrong === undefined) return undefined;
    // What came soon after says whether the state was ahead of its revision.
    const events = history.lastEvents(scope.exact ? scope.prefix : scope.prefix + wrong.key, revision + SOON_AFTER);
    return { ...wrong, got: `${wrong.got}, and ${more.length} more keys differ`, events };
  }

  lastEvents(key: string, revision: string): string[] {
    return this.history.lastEvents(key, BigInt(revision));
  }

  forget(): void {
    const { history } = this;
    const upTo = history.head - NOT_FORGOTTEN;
    if (upTo > history.baseRevision) history.forget(upTo);
    const old = performance.now() - OLD_MS;
    this.#heads = this.#heads.filter(({ at }) => at > old);
    for (const era of this.#histories.keys()) if (era !== this.#era) this.#histories.delete(era);
  }

  /** Of what is compacted the server does not answer; who has caught up from there holds the first state it answers for. */
  #answerable(revision: string | undefined): bigint | undefined {
    if (revision === undefined) return undefined;
    const { compacted } = this.history;
    return BigInt(revision) > compacted ? BigInt(revision) : compacted;
  }

  async #compactAt(revision: bigint): Promise<void> {
    const body = { revision: String(revision), physical: true };
    await this.#members.anyone((gateway) => gateway.post('/v3/kv/compaction', body, COMPACTION_MS));
    this.history.compact(revision);
  }
}

/** @throws when the store lost a write that it acknowledged: then it is not the watchers that are wrong */
function assertRecorded(history: History, { revision, written }: Acknowledged): void {
  if (revision <= history.baseRevision) return;
  const events = history.at(revision)?.events ?? [];
  for (const [key, value] of written) {
    const event = events.find((each) => each.key === key);
    const same = event?.entry === undefined ? value === undefined : Buffer.from(event.entry.value).toString() === value;
    if (event === undefined || !same)
      throw new Error(`revision ${revision} was acknowledged for ${key}, and is not there`);
  }
}
