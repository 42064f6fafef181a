import type { BrokerAddress } from '@rollcall/core';

/** One address at which a broker can be reached, and what is said of it. */
export interface Candidate {
  readonly address: BrokerAddress;
  /** Its listener's name, upper case; without it the registration names none. */
  readonly listener?: string;
  /** The listener's security protocol, one of Kafka's four. */
  readonly protocol?: string;
  /** Where the broker stands, as Kafka's `broker.rack`. */
  readonly rack?: string;
}

/** A broker as it is registered: at least one candidate, in the registration's own order. */
export type RegisteredBroker = readonly Candidate[];

/** Kafka's security protocols, by what a client with the least configuration can speak: ties are decided by it. */
export const PROTOCOLS: readonly string[] = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'];

/** Listeners that brokers and controllers use among themselves, by the names that Kafka's documentation gives them. */
const NOT_FOR_CLIENTS: ReadonlySet<string> = new Set(['CONTROLLER', 'REPLICATION', 'INTERBROKER', 'BROKER']);
/** Listeners that are compared; a registry that names more is no cluster's, and must cost no time. */
const MOST_LISTENERS = 16;

/** One of a broker's candidates, and why not the others. */
export interface Choice {
  readonly taken?: Candidate;
  readonly leftOut: readonly { readonly candidate: Candidate; readonly reason: string }[];
}

/** What clients of one list must have in common to reach all of its brokers. An absent part is stated by no broker. */
interface Network {
  readonly listener: string | undefined;
  readonly protocol: string | undefined;
}

export interface ListenerChoice {
  of(broker: RegisteredBroker): Choice;
  /** Networks that as many brokers offer as the one that was taken: the user has to say which one clients can reach. */
  readonly alternatives: readonly string[];
}

/** How well a candidate fits, the best one 0; Infinity: not at all. */
type Rank = (candidate: Candidate) => number;

/**
 * Chooses one candidate of each broker.
 * @param brokers all there are.
 * @param wanted a listener's name or a protocol, in any case: whatever fits it is taken, even if few brokers offer it.
 *   Without it, all candidates taken are of one network, the same listener and the same protocol: the one that most
 *   brokers offer. In both ways a candidate that does not state its listener, or its protocol, fits any.
 */
export function listenerChoice(brokers: Iterable<RegisteredBroker>, wanted?: string): ListenerChoice {
  const name = wanted?.toUpperCase();
  const isAllowed = ({ listener }: Candidate): boolean =>
    listener === undefined || listener === name || !NOT_FOR_CLIENTS.has(listener);
  const [best, ...others] = name === undefined ? networks([...brokers].map((broker) => broker.filter(isAllowed))) : [];
  const rank: Rank = name === undefined ? byNetwork(best?.network) : byName(name);
  const of = (broker: RegisteredBroker): Choice => {
    const ranks = broker.map((candidate) => (isAllowed(candidate) ? rank(candidate) : Number.POSITIVE_INFINITY));
    const least = Math.min(...ranks);
    // Of two that fit equally, the broker's own first one.
    const taken = least === Number.POSITIVE_INFINITY ? undefined : broker[ranks.indexOf(least)];
    const reason = (candidate: Candidate, at: number): string => {
      if (!isAllowed(candidate))
        return `its listener is ${candidate.listener}, which no client uses unless "listener" names it`;
      const fits = ranks[at] !== Number.POSITIVE_INFINITY;
      return `${described(candidate)}; ${fits ? 'another of this broker is taken' : `the list is of ${name ?? textOf(best)}`}`;
    };
    const leftOut = broker.flatMap((candidate, at) =>
      candidate === taken ? [] : [{ candidate, reason: reason(candidate, at) }],
    );
    return { ...(taken && { taken }), leftOut };
  };
  const equal = others.filter((each) => each.offers === best?.offers && isNamed(each) && isNamed(best));
  return { of, alternatives: equal.map(textOf) };
}

/** By what the user named. */
function byName(name: string): Rank {
  const isProtocol = PROTOCOLS.includes(name);
  return ({ listener, protocol }) => {
    if (listener === name) return 0;
    if (protocol === name) return 1;
    return (isProtocol ? protocol : listener) === undefined ? 2 : Number.POSITIVE_INFINITY;
  };
}

/** What says most about itself comes first. */
function byNetwork(network: Network | undefined): Rank {
  return (candidate) => {
    if (network === undefined || !isOf(candidate, network)) return Number.POSITIVE_INFINITY;
    return 2 - statedParts(candidate);
  };
}

function statedParts({ listener, protocol }: Candidate): number {
  return (listener === undefined ? 0 : 1) + (protocol === undefined ? 0 : 1);
}

interface OfferedNetwork {
  readonly network: Network;
  /** How many brokers can be reached on it. */
  readonly offers: number;
  /** How many of its parts one broker states at most: one that nobody states as a whole may not exist. */
  readonly stated: number;
}

/** All networks that brokers can be of, the one that most offer first. */
function networks(brokers: readonly RegisteredBroker[]): readonly OfferedNetwork[] {
  const candidates = brokers.flat();
  const listeners = commonest(candidates.map(({ listener }) => listener));
  const protocols = commonest(candidates.map(({ protocol }) => protocol));
  const all = listeners.flatMap((listener) => protocols.map((protocol): Network => ({ listener, protocol })));
  const offered = all.map((network): OfferedNetwork => {
    const reached = brokers.map((broker) => broker.filter((candidate) => isOf(candidate, network)));
    const stated = reached.flat().map(statedParts);
    return {
      network,
      offers: reached.filter((broker) => broker.length > 0).length,
      stated: stated.reduce((most, parts) => Math.max(most, parts), 0),
    };
  });
  const place = (protocol = ''): number =>
    PROTOCOLS.includes(protocol) ? PROTOCOLS.indexOf(protocol) : PROTOCOLS.length;
  const order = (a: OfferedNetwork, b: OfferedNetwork): number =>
    b.offers - a.offers ||
    b.stated - a.stated ||
    place(a.network.protocol) - place(b.network.protocol) ||
    byText(a.network.listener, b.network.listener);
  return offered.sort(order);
}

/** Those that most state; undefined is one of them, because brokers that state nothing are a network, too. */
function commonest(names: readonly (string | undefined)[]): readonly (string | undefined)[] {
  const counts = new Map<string, number>();
  for (const name of names) if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
  const sorted = [...counts].sort(([, a], [, b]) => b - a).map(([name]) => name);
  return [...sorted.slice(0, MOST_LISTENERS), undefined];
}

/**
 * A candidate that does not name its listener fits any network. If the network has no listener, the candidate must not
 * name one, or two networks would be mixed. So with the protocol.
 */
function isOf(candidate: Candidate, { listener, protocol }: Network): boolean {
  return [undefined, listener].includes(candidate.listener) && [undefined, protocol].includes(candidate.protocol);
}

/** Whether its name says nothing of how to connect, as INTERNAL and EXTERNAL: only the user knows which one to take. */
function isNamed(offered: OfferedNetwork | undefined): boolean {
  const listener = offered?.network.listener;
  return listener !== undefined && !PROTOCOLS.includes(listener);
}

function described({ listener, protocol }: Candidate): string {
  const names = namesOf(listener, protocol);
  return names === '' ? 'it names no listener' : `its listener is ${names}`;
}

function textOf(offered: OfferedNetwork | undefined): string {
  return namesOf(offered?.network.listener, offered?.network.protocol) || 'brokers that name no listener';
}

function namesOf(...names: readonly (string | undefined)[]): string {
  return [...new Set(names.filter((name) => name !== undefined))].join(', ');
}

function byText(a = '\uffff', b = '\uffff'): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
