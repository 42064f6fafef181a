import type { ItemMap, Quarantined, Revision, Status } from '@rollcall/core';
import type { Gate } from '../gate/types.js';
import type { BrokersExplained } from './explain.js';
import type { BrokerListChange } from './rule.js';

/** A bootstrap list at one time. Immutable. */
export interface BrokerUpdate {
  /** `host:port`, an IPv6 host in brackets; never empty, each address once, ordered by host, then port, or shuffled. */
  readonly brokers: readonly string[];
  /** How it differs from the last list of the registry that this reader was given; `first`: it was given none. */
  readonly change: BrokerListChange;
  /** Bumps once for each change of `brokers` or `source`. */
  readonly version: number;
  /** Of the registry's state that it comes from; absent on the fallback. */
  readonly revision?: Revision;
  readonly source: 'registry' | 'fallback';
}

export interface BrokerListStats {
  /** Lists given out, the fallback too. */
  readonly published: number;
  /** Of these, those that had brokers in common with the one before. */
  readonly seeds: number;
  /** Of these, those that had none. */
  readonly rebootstraps: number;
  /** Times that what the registry names began not to be followed, each new reason counted. */
  readonly refusals: number;
}

/**
 * The bootstrap servers that a watcher's keys name, as a list that is safe to give to a Kafka client: normalised, never
 * empty once there was one, of one listener, and changed only when the set of addresses is. Iterating gives the present
 * list, then each newer one (the newest, for a slow reader).
 */
export interface BrokerList extends AsyncIterable<BrokerUpdate>, AsyncDisposable {
  /** The list now; before the first, the fallback, or empty without one. */
  readonly current: readonly string[];
  /** 0 before the first list. */
  readonly version: number;
  /**
   * The watcher's; `stale` while what the registry names is not followed: TOO_FEW_BROKERS, or OTHER_CLUSTER where its
   * brokers belong to another cluster or to several.
   */
  readonly status: Status;
  /** What cannot be used, by key, with the reason. */
  readonly quarantine: ItemMap<Quarantined>;
  /** Which brokers may be connected to, by `allow` and `clusterId`; it knows the cluster that was learned, too. */
  readonly gate: Gate;
  readonly stats: BrokerListStats;
  /** What became of each key and address, and of the list that they make. Fresh at each call. */
  explain(): BrokersExplained;
  /** Keys that a resync did not find and whose brokers stay until a fresh read confirms it. */
  readonly held: ReadonlySet<string>;
  /**
   * For kafkajs: `new Kafka({ brokers: brokers.list })`. Resolves with the present list as soon as there is one and never
   * with an empty one; kafkajs calls it again after a failed dial. IPv6 addresses are left out, with a warning, because
   * kafkajs cannot read them; so are brokers that turned out to be of another cluster, or disallowed, while the list could
   * not be changed. Bound: it can be passed on as it is.
   * @throws WatchError CLOSED once the list is closed, also while waiting; the watcher's fatal error.
   */
  readonly list: () => Promise<string[]>;
  /**
   * Resolves with the present list as soon as there is one.
   * @throws WatchError the watcher's fatal error, TIMEOUT, CLOSED; or the signal's reason when aborted.
   */
  ready(options?: { signal?: AbortSignal; timeoutMs?: number }): Promise<BrokerUpdate>;
  /** Lists from the present one on; each call is a reader of its own. */
  updates(options?: { signal?: AbortSignal }): AsyncIterableIterator<BrokerUpdate>;
  /** Calls back after each change of the list, of `quarantine`, of `held` or of why the list is not followed. */
  onChange(listener: () => void): () => void;
  onStatus(listener: (status: Status) => void): () => void;
  /** Leaves the watcher open. Idempotent; nothing is delivered after it, and whoever waits is rejected. */
  close(): Promise<void>;
}
