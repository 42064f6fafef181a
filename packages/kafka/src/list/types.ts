import type { ItemMap, Quarantined, Revision, Status } from '@rollcall/core';
import type { Gate } from '../gate/types.js';
import type { BrokersExplained } from './explain.js';
import type { BrokerListChange } from './rule.js';

/** One bootstrap list. Immutable. */
export interface BrokerUpdate {
  /** `host:port`, an IPv6 host in brackets. Never empty; each address once; ordered by host, then port, or shuffled. */
  readonly brokers: readonly string[];
  /** How it differs from the last registry list that this reader was given; `first` if it was given none. */
  readonly change: BrokerListChange;
  /** Grows by one with each change of `brokers` or `source`. */
  readonly version: number;
  /** The revision of the registry's state; absent on the fallback. */
  readonly revision?: Revision;
  readonly source: 'registry' | 'fallback';
}

export interface BrokerListStats {
  /** Lists published, the fallback included. */
  readonly published: number;
  /** How many of them had brokers in common with the one before. */
  readonly seeds: number;
  /** How many of them had none in common. */
  readonly rebootstraps: number;
  /** How often the registry's brokers were refused; each new reason counts. */
  readonly refusals: number;
}

/**
 * The live list of the brokers that a watcher's keys name, safe to give to a Kafka client: canonical addresses of one
 * listener, never empty once there was a list, and changed only when the set of addresses changes. Iterating gives the
 * present list, then each newer one; a slow reader gets the newest.
 */
export interface BrokerList extends AsyncIterable<BrokerUpdate>, AsyncDisposable {
  /** The present list; before the first one, the fallback, or an empty list. */
  readonly current: readonly string[];
  /** 0 before the first list. */
  readonly version: number;
  /**
   * The watcher's status. Also `stale` while the registry's brokers are refused: TOO_FEW_BROKERS, or OTHER_CLUSTER if
   * they belong to another cluster or to several.
   */
  readonly status: Status;
  /** Values that cannot be used, by key, with the reason. */
  readonly quarantine: ItemMap<Quarantined>;
  /** Decides which brokers may be connected to, by `allow` and `clusterId`, or the cluster id that was learned. */
  readonly gate: Gate;
  readonly stats: BrokerListStats;
  /** Each key and address with its outcome, and the decision on the list. Computed at each call. */
  explain(): BrokersExplained;
  /** Keys that the last resync did not find. Their brokers stay until a second full read confirms it. */
  readonly held: ReadonlySet<string>;
  /**
   * For kafkajs: `new Kafka({ brokers: brokers.list })`. Resolves with the present list as soon as there is one, never
   * with an empty one. kafkajs calls it again after each failed dial. It leaves out IPv6 addresses, which kafkajs
   * cannot read, with a warning, and brokers that the gate refuses. It is bound to the list, so it can be passed on as
   * it is.
   * @throws WatchError CLOSED once the list is closed, also while waiting; the watcher's fatal error.
   */
  readonly list: () => Promise<string[]>;
  /**
   * Resolves with the present list as soon as there is one.
   * @throws WatchError the watcher's fatal error, TIMEOUT, CLOSED; or the signal's reason when aborted.
   */
  ready(options?: { signal?: AbortSignal; timeoutMs?: number }): Promise<BrokerUpdate>;
  /** Lists from the present one on. Each call makes a reader of its own. */
  updates(options?: { signal?: AbortSignal }): AsyncIterableIterator<BrokerUpdate>;
  /**
   * Calls back after each change of the list, of `quarantine`, of `held`, or of the reason why the registry's brokers
   * are refused.
   */
  onChange(listener: () => void): () => void;
  onStatus(listener: (status: Status) => void): () => void;
  /** Ends the list and leaves the watcher open. Idempotent. Readers end; a pending `ready()` or `list()` rejects. */
  close(): Promise<void>;
}
