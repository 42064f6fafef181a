import { type Change, compareRevisions, type Entry } from '@rollcall/core';
import { compareKeys } from '@rollcall/core/internal';
import type { Account, Told } from '../backend.js';
import { type Difference, sameEntry, sameValue, show } from '../difference.js';
import type { Commit, History, Scope } from './history.js';

/** Where a reader stands. */
interface Position {
  readonly era: number;
  readonly epoch: number;
  readonly revision: bigint;
}

/** Something told or not told of a key. */
interface Wrong {
  readonly what: string;
  readonly key: string;
  readonly expected: string;
  readonly got?: string;
}

export interface AccountOptions {
  readonly watcher: string;
  readonly scope: Scope;
  /** Every batch must be of one revision. */
  readonly prompt: boolean;
  history(era: number): History | undefined;
}

/**
 * What one reader was told, batch by batch, held against the history of the store: each batch must be just what makes of the
 * state that was told before the state at its revision, and a prompt reader's must each be one revision, whole.
 */
export class HistoryAccount implements Account {
  readonly #options: AccountOptions;
  #state = new Map<string, Entry>();
  #position: Position | undefined;

  constructor(options: AccountOptions) {
    this.#options = options;
  }

  check(told: Told): Difference[] {
    const { scope } = this.#options;
    const history = this.#options.history(told.era);
    const revision = BigInt(told.revision);
    const last = this.#position;
    const place = `the ${told.cause} batch at revision ${revision} of epoch ${told.epoch}`;
    const wrong = (what: string, more: Partial<Difference> = {}): Difference => ({
      watcher: this.#options.watcher,
      what: `${place}: ${what}`,
      ...more,
    });
    if (history === undefined) return [wrong(`nothing is known of era ${told.era}`)];
    if (revision > history.head) return [wrong(`the store was only at ${history.head}`)];

    // What is before the base is forgotten: nothing happened to the scope between there and the base, or the reader would
    // have been found out of date.
    const commits = last?.era === told.era ? history.between(scope, last.revision, revision) : undefined;
    const after = commits === undefined ? history.stateAt(scope, revision) : this.#with(commits);
    const keys =
      commits === undefined
        ? new Set([...this.#state.keys(), ...after.keys()])
        : new Set(commits.flatMap(({ events }) => events.map(({ key }) => key)));
    const found = [
      ...orderOf(told, last).map((what) => wrong(what)),
      ...this.#wholeness(told, commits).map((what) => wrong(what)),
      ...this.#contents(told, keys, after).map(({ what, key, ...more }) => {
        const whole = scope.prefix + key;
        return wrong(what, { key: whole, ...more, events: history.lastEvents(whole, revision) });
      }),
    ];
    this.#state = after;
    this.#position = { era: told.era, epoch: told.epoch, revision };
    return found;
  }

  #with(commits: readonly Commit[]): Map<string, Entry> {
    const state = new Map(this.#state);
    for (const { events } of commits) {
      for (const { key, entry } of events) {
        if (entry === undefined) state.delete(key);
        else state.set(key, entry);
      }
    }
    return state;
  }

  /** Whether a prompt reader was told one revision, and a delete that the server told is said to be told. */
  #wholeness({ cause, coalesced, changes, afterOutage }: Told, commits: readonly Commit[] | undefined): string[] {
    const wrong: string[] = [];
    const { prompt } = this.#options;
    if (prompt && coalesced) wrong.push('it is coalesced, although its reader never waits');
    if (commits === undefined || cause !== 'delta') return wrong;
    if (changes.some((change) => change.type === 'delete' && change.synthetic)) {
      wrong.push('a delete that the server told is called synthetic');
    }
    if (!prompt) return wrong;
    const [first, last] = [String(commits.at(0)?.revision), String(commits.at(-1)?.revision)];
    if (commits.length === 0) wrong.push('nothing happened since the last one');
    else if (commits.length > 1 && !(afterOutage && this.#leavesAsItWas(commits.slice(0, -1)))) {
      wrong.push(`it covers ${commits.length} revisions, ${first} to ${last}`);
    } else if (changes.some(({ revision }) => revision !== last)) wrong.push('a change has the revision of another');
    return wrong;
  }

  /** Whether these came to nothing: a full read after an outage finds no difference then, and is not told. */
  #leavesAsItWas(commits: readonly Commit[]): boolean {
    const after = this.#with(commits);
    const keys = commits.flatMap(({ events }) => events.map(({ key }) => key));
    return keys.every((key) => !mustBeTold(this.#state.get(key), after.get(key), true));
  }

  #contents({ changes, epoch }: Told, keys: ReadonlySet<string>, after: ReadonlyMap<string, Entry>): Wrong[] {
    const told = new Map(changes.map((change) => [change.key, change]));
    const sameEpoch = this.#position?.epoch === epoch;
    const wrong: Wrong[] = [];
    for (const key of new Set([...keys, ...told.keys()])) {
      const [was, is, change] = [this.#state.get(key), after.get(key), told.get(key)];
      if (change === undefined) {
        if (mustBeTold(was, is, sameEpoch)) {
          wrong.push({ what: 'a change was not told', key, expected: `${show(was)} -> ${show(is)}` });
        }
      } else if (!isRight(change, was, is)) {
        wrong.push({
          what: 'a change was told wrongly',
          key,
          expected: `${show(was)} -> ${show(is)}`,
          got: showChange(change),
        });
      }
    }
    return wrong;
  }
}

/** In a new epoch revisions mean nothing yet, and only bytes count. */
function mustBeTold(was: Entry | undefined, is: Entry | undefined, sameEpoch: boolean): boolean {
  if (was === undefined || is === undefined) return was !== is;
  return sameEpoch ? !sameEntry(was, is) : !sameValue(was, is);
}

function isRight(change: Change, was: Entry | undefined, is: Entry | undefined): boolean {
  const previous = change.previous;
  const rightPrevious = previous === undefined ? was === undefined : was !== undefined && sameValue(previous, was);
  if (!rightPrevious) return false;
  if (change.type === 'delete') return is === undefined;
  return is !== undefined && sameEntry(change.entry, is) && !(was !== undefined && sameEntry(was, is));
}

function showChange(change: Change): string {
  const is = change.type === 'put' ? show(change.entry) : `deleted @${change.revision}`;
  return `${show(change.previous)} -> ${is}`;
}

/** Whether it comes after the last, and its changes after one another. */
function orderOf(told: Told, last: Position | undefined): string[] {
  const wrong: string[] = [];
  if ((told.cause === 'initial') !== (last === undefined))
    wrong.push('an initial batch is the first one, and no other');
  if (last !== undefined && last.epoch === told.epoch && BigInt(told.revision) <= last.revision) {
    wrong.push(`revision ${last.revision} was told before, in the same epoch`);
  }
  if (last !== undefined && last.epoch !== told.epoch && last.era === told.era) {
    wrong.push(`a new epoch after ${last.epoch}, although the store has the same history`);
  }
  if (told.changes.length === 0 && told.cause !== 'initial') wrong.push('it tells nothing');
  const inOrder = told.changes.every((change, index) => {
    const before = told.changes[index - 1];
    if (before === undefined) return true;
    return (compareRevisions(before.revision, change.revision) || compareKeys(before.key, change.key)) < 0;
  });
  if (!inOrder) wrong.push('its changes are out of order');
  return wrong;
}
