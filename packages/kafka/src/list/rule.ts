import type { ErrorCode } from '@rollcall/core';
import { quote } from '@rollcall/core/internal';

/**
 * What to do with the brokers that the registry names now:
 * - `first`: publish; nothing was published before.
 * - `same`: the list has not changed.
 * - `seeds`: publish; old and new list have brokers in common. Clients use the new list at their next bootstrap and
 *   need not reconnect.
 * - `rebootstrap`: publish; no broker of the old list is left. The client must bootstrap again. Keep the same client
 *   instance: its sequence numbers and its unsent messages survive.
 * - `refuse`: keep the old list.
 */
export type BrokerListDecision =
  | { readonly change: BrokerListChange | 'same'; readonly reason: string }
  | { readonly change: 'refuse'; readonly reason: string; readonly code: Refusal };

/** How a published list differs from the one before. */
export type BrokerListChange = 'first' | 'seeds' | 'rebootstrap';

type Refusal = Extract<ErrorCode, 'TOO_FEW_BROKERS' | 'OTHER_CLUSTER'>;

/** The brokers that the registry names now, and what is known of them. */
export interface RegistryBrokers {
  /** The list: `host:port`, in order, cut at the limit. */
  readonly brokers: readonly string[];
  /** All addresses that may be used, those beyond the limit included. */
  readonly usable: readonly string[];
  /**
   * The number of brokers behind the usable addresses. Two addresses may belong to one broker, as far as that is known.
   */
  readonly brokerCount: number;
  /** One address of each cluster that answered, by cluster id; empty if no broker was asked. */
  readonly clusters: ReadonlyMap<string, string>;
  /** The cluster id that more than half of the allowed addresses have, if no address has another. */
  readonly agreedCluster?: string | undefined;
  /** Says why the cluster id is not known yet; empty if it is known or not asked for. */
  readonly unlearned: string;
  /** How many addresses are left out because they belong to another cluster. */
  readonly otherCluster: number;
  /** If the keys name no brokers at all: why; otherwise absent. */
  readonly missing?: string | undefined;
  /** A summary of the addresses that are left out; empty if none is. */
  readonly leftOut: string;
}

/**
 * Decides whether the new brokers are published. It compares sets of usable addresses, so that a limit that picks other
 * brokers is not a move.
 * @param published the last list that came from the registry; undefined if none did (a fallback does not count).
 * @param minBrokers a list with fewer is refused.
 */
export function decide(
  published: Pick<RegistryBrokers, 'brokers' | 'usable'> | undefined,
  found: RegistryBrokers,
  minBrokers: number,
): BrokerListDecision {
  const { brokers, usable, brokerCount, clusters, otherCluster, leftOut, unlearned } = found;
  if (clusters.size > 1) {
    const named = [...clusters].map(([id, address]) => `${address} is of ${quote(id)}`).join(', ');
    const reason = `The registry names brokers of ${clusters.size} clusters (${named}). Give the one to use as "clusterId".`;
    return { change: 'refuse', code: 'OTHER_CLUSTER', reason };
  }
  if (brokerCount < minBrokers) {
    const code = brokerCount + otherCluster < minBrokers ? 'TOO_FEW_BROKERS' : 'OTHER_CLUSTER';
    const why = [leftOut === '' ? '' : `left out: ${leftOut}`, found.missing ?? ''].filter((each) => each !== '');
    const without = why.length === 0 ? '' : ` (${why.join('; ')})`;
    const some = brokerCount === 1 ? '1 usable broker' : `${brokerCount} usable brokers`;
    const reason = `The registry names ${some}, fewer than ${minBrokers}${without}.`;
    return { change: 'refuse', code, reason };
  }
  if (published === undefined) return { change: 'first', reason: `Nothing was published before.${unlearned}` };
  if (equal(published.brokers, brokers)) return { change: 'same', reason: `The list is as it was.${unlearned}` };
  const common = inCommon(published.usable, usable);
  if (common > 0)
    return { change: 'seeds', reason: `${common} of ${usable.length} brokers were in the list before.${unlearned}` };
  const [cluster] = clusters.keys();
  const same = cluster === undefined ? 'the cluster was not asked for' : `the cluster is the same, ${quote(cluster)}`;
  return { change: 'rebootstrap', reason: `None of these brokers was in the list before; ${same}.${unlearned}` };
}

/**
 * How a list differs from the last one that a reader saw.
 * @param before the usable addresses of that list; undefined if the reader saw none.
 */
export function changeBetween(before: readonly string[] | undefined, usable: readonly string[]): BrokerListChange {
  if (before === undefined) return 'first';
  return inCommon(before, usable) > 0 ? 'seeds' : 'rebootstrap';
}

function inCommon(before: readonly string[], after: readonly string[]): number {
  const known = new Set(before);
  return after.filter((address) => known.has(address)).length;
}

function equal(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((address, at) => address === b[at]);
}
