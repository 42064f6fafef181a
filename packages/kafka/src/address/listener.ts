import type { Endpoint } from '@rollcall/core';

/** One address at which a broker can be reached, and what is said of it. */
export interface Candidate extends Endpoint {
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

/** One of a broker's candidates, and why not the others. */
export interface Choice {
  readonly taken?: Candidate;
  readonly leftOut: readonly { readonly candidate: Candidate; readonly reason: string }[];
}

/**
 * How to choose one candidate of each broker, so that a list never mixes protocols.
 * @param brokers all there are.
 * @param listener a listener's name or a protocol, in any case. Without it one protocol is taken for all: the one that
 *   most brokers offer. A candidate that says nothing of its listener fits where no other does.
 */
export function listenerChoice(
  brokers: Iterable<RegisteredBroker>,
  listener?: string,
): (of: RegisteredBroker) => Choice {
  const wanted = listener?.toUpperCase() ?? commonest(brokers);
  const rank = (candidate: Candidate): number => {
    if (kindOf(candidate) === undefined) return 2;
    if (listener === undefined) return kindOf(candidate) === wanted ? 0 : Number.POSITIVE_INFINITY;
    if (candidate.listener === wanted) return 0;
    return candidate.protocol === wanted ? 1 : Number.POSITIVE_INFINITY;
  };
  return (broker) => {
    const best = Math.min(...broker.map(rank));
    // Of two that fit equally, the broker's own first one.
    const taken = best === Number.POSITIVE_INFINITY ? undefined : broker.find((each) => rank(each) === best);
    const leftOut = broker.filter((each) => each !== taken);
    return {
      ...(taken && { taken }),
      leftOut: leftOut.map((candidate) => ({ candidate, reason: reasonAgainst(candidate, wanted, taken) })),
    };
  };
}

/** What must not be mixed: the protocol; where it is not known, the listener's name stands for it. */
function kindOf({ protocol, listener }: Candidate): string | undefined {
  return protocol ?? listener;
}

function commonest(brokers: Iterable<RegisteredBroker>): string | undefined {
  const offers = new Map<string, number>();
  for (const broker of brokers) {
    const kinds = new Set(broker.flatMap((candidate) => kindOf(candidate) ?? []));
    for (const kind of kinds) offers.set(kind, (offers.get(kind) ?? 0) + 1);
  }
  const place = (kind: string): number => (PROTOCOLS.includes(kind) ? PROTOCOLS.indexOf(kind) : PROTOCOLS.length);
  const byName = (a: string, b: string): number => (a < b ? -1 : 1);
  return [...offers].sort(([a, m], [b, n]) => n - m || place(a) - place(b) || byName(a, b))[0]?.[0];
}

function reasonAgainst(candidate: Candidate, wanted: string | undefined, taken: Candidate | undefined): string {
  const { listener, protocol } = candidate;
  const names = new Set([listener, protocol].filter((name) => name !== undefined));
  const own = names.size === 0 ? 'it names no listener' : `its listener is ${[...names].join(', ')}`;
  const fits = names.size === 0 || names.has(wanted ?? '');
  return fits && taken !== undefined ? `${own}; another of this broker is taken` : `${own}; the list is of ${wanted}`;
}
