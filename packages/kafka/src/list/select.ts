import type { BrokerAddress } from '@rollcall/core';
import { quote } from '@rollcall/core/internal';
import { type Candidate, listenerChoice, type RegisteredBroker } from '../address/listener.js';
import type { ProbeResult } from '../gate/prober.js';
import { type OrderOptions, ordered } from './order.js';
import type { RegistryBrokers } from './rule.js';

/**
 * The outcome of an address, or of a key that names none:
 * - `listed`: in the list.
 * - `held`: in the list, although the last resync did not find its key; a second full read decides.
 * - `usable`: could be in the list, but the registry's brokers are not followed now; see the decision.
 * - `duplicate`: another key named it first.
 * - `listener`: another listener or protocol than the list's.
 * - `disallowed`: outside the allow-list, or its broker advertises an address that is.
 * - `unproven`: not asked for its cluster yet.
 * - `unreachable`: did not answer the probe as a broker does.
 * - `other-cluster`: belongs to another cluster.
 * - `capped`: beyond the limit.
 * - `rejected`: not a broker's address.
 */
export type AddressOutcome =
  | 'listed'
  | 'held'
  | 'usable'
  | 'duplicate'
  | 'listener'
  | 'disallowed'
  | 'unproven'
  | 'unreachable'
  | 'other-cluster'
  | 'capped'
  | 'rejected';

/** One address of one key, and its outcome. */
export interface AddressFate {
  readonly key: string;
  readonly address: string;
  readonly outcome: AddressOutcome;
  readonly reason?: string;
  /** For a duplicate: the key that named the address first. */
  readonly firstKey?: string;
  /** The address that was taken of the same broker, if another was. */
  readonly instead?: string;
}

/** The candidate that was taken of each broker, by address, and the outcomes of all others. */
export interface CandidateChoice {
  readonly taken: ReadonlyMap<string, { readonly key: string; readonly candidate: Candidate }>;
  readonly others: readonly AddressFate[];
  /** Other networks that as many brokers offer. */
  readonly alternatives: readonly string[];
}

/** The most addresses of one list. The largest Kafka clusters have some thousand brokers. */
const MOST_ADDRESSES = 10_000;

/**
 * Takes one candidate of each broker: one on the list's listener that may be connected to.
 * @param refusal says why an address may not be connected to; undefined if it may.
 * @param listener see `listenerChoice`.
 */
export function choose(
  items: Iterable<readonly [string, readonly RegisteredBroker[]]>,
  refusal: (address: BrokerAddress) => string | undefined,
  listener?: string,
): CandidateChoice {
  const judgedBrokers = [...items].flatMap(([key, registered]) =>
    registered.map((broker, place) => ({ ...judged(key, broker, refusal), place })),
  );
  const choice = listenerChoice(
    judgedBrokers.map(({ allowed }) => allowed),
    listener,
  );
  const brokers = judgedBrokers.length > MOST_ADDRESSES ? fairly(judgedBrokers) : judgedBrokers;
  const taken = new Map<string, { key: string; candidate: Candidate }>();
  const others: AddressFate[] = [];
  for (const { key, allowed, refused } of brokers) {
    const { taken: candidate, leftOut } = choice.of(allowed);
    const address = candidate && String(candidate.address);
    const instead = address === undefined ? {} : { instead: address };
    const leave = (outcome: AddressOutcome, each: { candidate: Candidate; reason: string }): void => {
      const { candidate, reason } = each;
      others.push({ key, address: String(candidate.address), outcome, reason, ...instead });
    };
    for (const each of refused) leave('disallowed', each);
    for (const each of leftOut) leave('listener', each);
    if (candidate === undefined || address === undefined) continue;
    const first = taken.get(address);
    if (first !== undefined) others.push({ key, address, outcome: 'duplicate', firstKey: first.key, instead: address });
    else if (taken.size < MOST_ADDRESSES) taken.set(address, { key, candidate });
    else {
      const reason = `a list is made of ${MOST_ADDRESSES} addresses at most`;
      others.push({ key, address, outcome: 'capped', reason });
    }
  }
  return { taken, others, alternatives: choice.alternatives };
}

/** What is known of the addresses when a list is made. */
export interface Knowledge {
  /** The brokers' answers by address; undefined if brokers are not asked. */
  readonly probed?: ReadonlyMap<string, ProbeResult>;
  /** The id of the cluster, if it is known. */
  readonly clusterId?: string | undefined;
  /** The usable addresses of the last published list: one that does not answer just now stays in the list. */
  readonly known: ReadonlySet<string>;
}

/** A list, and the outcome of each address. */
export interface BrokerSelection extends RegistryBrokers {
  readonly fates: readonly AddressFate[];
}

interface Usable {
  readonly candidate: Candidate;
  readonly fate: AddressFate;
  /** The broker's answer, if it was a good one. */
  readonly answer: Extract<ProbeResult, { clusterId: string }> | undefined;
}

/** Makes the list from the candidates that were taken, as far as the brokers' answers allow. */
export function select({ taken, others }: CandidateChoice, knowledge: Knowledge, order: OrderOptions): BrokerSelection {
  const clusters = new Map<string, string>();
  const usable: Usable[] = [];
  const left: AddressFate[] = [];
  for (const [address, { key, candidate }] of taken) {
    const probed = knowledge.probed?.get(address);
    const answer = probed !== undefined && 'clusterId' in probed ? probed : undefined;
    const fate: AddressFate = { key, address, ...verdict(address, probed, knowledge) };
    if (fate.outcome === 'listed') usable.push({ candidate, fate, answer });
    else left.push(fate);
    if (fate.outcome === 'listed' && answer !== undefined && !clusters.has(answer.clusterId))
      clusters.set(answer.clusterId, address);
  }
  const answered = usable.filter(({ answer }) => answer !== undefined).length;
  const isAgreed = clusters.size === 1 && answered * 2 > taken.size;
  const brokers = ordered(
    usable.map(({ candidate, answer }) => ({
      ...candidate,
      unsure: knowledge.probed !== undefined && answer === undefined,
    })),
    order,
  );
  const listed = new Set(brokers);
  const within = ({ fate }: { fate: AddressFate }): AddressFate =>
    listed.has(fate.address) ? fate : { ...fate, outcome: 'capped', reason: `the limit is ${order.limit} brokers` };
  return {
    brokers,
    usable: usable.map(({ fate }) => fate.address),
    // Counted by node id if it is known: two addresses may belong to one broker.
    brokerCount: new Set(usable.map(({ fate, answer }) => answer?.nodeId ?? fate.address)).size,
    clusters,
    ...(isAgreed && { agreedCluster: [...clusters.keys()][0] }),
    unlearned:
      knowledge.probed === undefined || knowledge.clusterId !== undefined || isAgreed
        ? ''
        : ` The cluster's id is not learned yet: ${answered} of ${taken.size} addresses told it.`,
    otherCluster: left.filter(({ outcome }) => outcome === 'other-cluster').length,
    leftOut: summary([...left, ...others.filter(({ instead }) => instead === undefined)]),
    fates: [...usable.map(within), ...left, ...others],
  };
}

/**
 * Brokers that state their listener come first, then one broker of each key in turn, so that a few keys with many
 * addresses do not crowd out the others.
 */
function fairly<T extends { readonly allowed: readonly Candidate[]; readonly place: number }>(
  brokers: readonly T[],
): T[] {
  const states = ({ allowed }: T): number => (allowed.some(({ listener }) => listener !== undefined) ? 0 : 1);
  return brokers.toSorted((a, b) => states(a) - states(b) || a.place - b.place);
}

function judged(key: string, broker: RegisteredBroker, refusal: (address: BrokerAddress) => string | undefined) {
  const allowed: Candidate[] = [];
  const refused: { candidate: Candidate; reason: string }[] = [];
  for (const candidate of broker) {
    const reason = refusal(candidate.address);
    if (reason === undefined) allowed.push(candidate);
    else refused.push({ candidate, reason });
  }
  return { key, allowed, refused };
}

function verdict(
  address: string,
  probed: ProbeResult | undefined,
  { probed: asked, clusterId, known }: Knowledge,
): Pick<AddressFate, 'outcome' | 'reason'> {
  if (asked === undefined) return { outcome: 'listed' };
  if (probed === undefined) {
    if (known.has(address)) return { outcome: 'listed' };
    return { outcome: 'unproven', reason: 'it has not been asked for its cluster yet' };
  }
  if ('clusterId' in probed) {
    if (clusterId === undefined || probed.clusterId === clusterId) return { outcome: 'listed' };
    return {
      outcome: 'other-cluster',
      reason: `it is of the cluster ${quote(probed.clusterId)}, not of ${quote(clusterId)}`,
    };
  }
  const { code, message } = probed.error;
  if (code === 'OTHER_CLUSTER') return { outcome: 'other-cluster', reason: message };
  if (code === 'FORBIDDEN') return { outcome: 'disallowed', reason: message };
  if (known.has(address)) return { outcome: 'listed', reason: `kept, since it was proven before: ${message}` };
  return { outcome: 'unreachable', reason: message };
}

/** `2 unreachable, 1 disallowed`. */
function summary(fates: readonly AddressFate[]): string {
  const counts = new Map<AddressOutcome, number>();
  for (const { outcome } of fates) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  return [...counts].map(([outcome, count]) => `${count} ${outcome}`).join(', ');
}
