import type { BrokerAddress } from '@rollcall/core';

/** One address at which a broker can be reached, and what its registration says of it. */
export interface Candidate {
  readonly address: BrokerAddress;
  /** The listener's name, upper case; undefined if the registration names none. */
  readonly listener?: string;
  /** The listener's security protocol, one of Kafka's four. */
  readonly protocol?: string;
  /** The broker's rack, as Kafka's `broker.rack`. */
  readonly rack?: string;
}

/** A broker as it is registered: at least one candidate, in the registration's own order. */
export type RegisteredBroker = readonly Candidate[];

/**
 * Kafka's security protocols. If brokers offer two equally often, the one earlier in this list is taken: it needs less
 * configuration.
 */
export const PROTOCOLS: readonly string[] = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'];

/** Names of listeners that only brokers and controllers use, as Kafka's documentation names them. */
const NOT_FOR_CLIENTS: ReadonlySet<string> = new Set(['CONTROLLER', 'REPLICATION', 'INTERBROKER', 'BROKER']);
/**
 * The most networks that are compared. No cluster has more; a hostile registry could make the comparison take seconds.
 */
const MOST_LISTENERS = 16;

/** The candidate that was chosen for a broker, and why the others were not. */
export interface Choice {
  readonly taken?: Candidate;
  readonly leftOut: readonly { readonly candidate: Candidate; readonly reason: string }[];
}

/**
 * A listener name and a protocol that a client speaks. All brokers of one list must offer it. A part is undefined if no
 * broker states it.
 */
interface Network {
  readonly listener: string | undefined;
  readonly protocol: string | undefined;
}

export interface ListenerChoice {
  of(broker: RegisteredBroker): Choice;
  /** Other networks that as many brokers offer. The user has to say which one the clients can reach. */
  readonly alternatives: readonly string[];
}

/** How well a candidate fits: 0 is best, Infinity does not fit. */
type Rank = (candidate: Candidate) => number;

/**
 * Chooses one candidate of each broker.
 * @param brokers every broker of the registry.
 * @param wanted a listener's name or a protocol, in any case. Every broker that offers it is taken, even if few do.
 *   Without it, all candidates taken have the same listener and protocol: those that most brokers offer. A candidate
 *   that does not state its listener or protocol fits any.
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
    // If two fit equally, the one that the broker's registration has first.
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

/** Ranks candidates by the listener or protocol that the user named. */
function byName(name: string): Rank {
  const isProtocol = PROTOCOLS.includes(name);
  return ({ listener, protocol }) => {
    if (listener === name) return 0;
    if (protocol === name) return 1;
    return (isProtocol ? protocol : listener) === undefined ? 2 : Number.POSITIVE_INFINITY;
  };
}

/** Candidates that state both listener and protocol come before those that state one, or none. */
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
  /** How many brokers offer the network. */
  readonly offers: number;
  /**
   * The most parts (listener, protocol) that any one broker states together. A network that no broker states as a whole
   * may not exist.
   */
  readonly stated: number;
}

/** Every network that some broker offers, those of most brokers first. */
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

/** The values that most brokers state. undefined counts as a value: brokers that state nothing form a network, too. */
function commonest(names: readonly (string | undefined)[]): readonly (string | undefined)[] {
  const counts = new Map<string, number>();
  for (const name of names) if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
  const sorted = [...counts].sort(([, a], [, b]) => b - a).map(([name]) => name);
  return [...sorted.slice(0, MOST_LISTENERS), undefined];
}

/**
 * A candidate without a listener name fits any network that has one. If the network has none, the candidate must have
 * none, or two networks would be mixed. The same holds for the protocol.
 */
function isOf(candidate: Candidate, { listener, protocol }: Network): boolean {
  return [undefined, listener].includes(candidate.listener) && [undefined, protocol].includes(candidate.protocol);
}

/**
 * Whether the listener's name is the user's own, as INTERNAL or EXTERNAL: only the user knows which one clients can
 * reach.
 */
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
