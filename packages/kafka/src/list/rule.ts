import type { ErrorCode } from '@rollcall/core';
import { quote } from '@rollcall/core/internal';

/**
 * What to do with what the registry names now:
 * - `first`: nothing was published before.
 * - `same`: the list is as it was.
 * - `seeds`: old and new have brokers in common. Clients take the new list for their next bootstrap; none has to reconnect.
 * - `rebootstrap`: none in common. A client whose connections fail must bootstrap anew, the same instance, so that
 *   its sequence numbers and what it has not sent yet survive.
 * - `refuse`: the list stays as it was.
 */
export type BrokerListDecision =
  | { readonly change: BrokerListChange | 'same'; readonly reason: string }
  | { readonly change: 'refuse'; readonly reason: string; readonly code: Refusal };

/** How a list that is published differs from the one before. */
export type BrokerListChange = 'first' | 'seeds' | 'rebootstrap';

type Refusal = Extract<ErrorCode, 'TOO_FEW_BROKERS' | 'OTHER_CLUSTER'>;

/** A list, and all that could have been in it. */
export interface RegistryBrokers {
  /** `host:port`, in order; not more than the limit. */
  readonly brokers: readonly string[];
  /** All addresses that may be used, whether or not the limit leaves them out. */
  readonly usable: readonly string[];
  /** How many brokers these are, as far as is known: two addresses may be of one. */
  readonly brokerCount: number;
  /** An address of each cluster that answered, by the cluster's id; empty when nobody was asked. */
  readonly clusters: ReadonlyMap<string, string>;
  /** The id that more than half of the allowed addresses told, and no other id was told. */
  readonly agreedCluster?: string | undefined;
  /** Says that the cluster's id is not known yet, and why; empty when it is, or when nobody asks. */
  readonly unlearned: string;
  /** How many addresses are left out for being of another cluster than the known one. */
  readonly otherCluster: number;
  /** Where keys name no brokers at all: that there are none, or why they were rejected; absent otherwise. */
  readonly missing?: string | undefined;
  /** What else is left out and why, for people; empty when nothing is. */
  readonly leftOut: string;
}

/**
 * The rule for a change of the list. It compares sets of usable addresses, so that a limit that picks others is no move.
 * @param published what was published last from the registry; a fallback is not, and counts as nothing.
 * @param minBrokers fewer than this are never a list to follow.
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
 * How a list differs from another one, for whoever saw both and nothing between.
 * @param before the usable addresses of the list that was seen; undefined if none was.
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
