import { compareKeys, type Endpoint, formatEndpoint } from '@rollcall/core';

/**
 * The bootstrap list of some endpoints: each address once, ordered by host (code unit order), then port (numeric), so
 * that it depends on the set of addresses alone and not on which key names them.
 */
export function bootstrapServers(endpoints: Iterable<Endpoint>): readonly string[] {
  const byAddress = new Map<string, Endpoint>();
  for (const endpoint of endpoints) byAddress.set(formatEndpoint(endpoint), endpoint);
  const sorted = [...byAddress].sort(([, a], [, b]) => compareKeys(a.host, b.host) || a.port - b.port);
  return Object.freeze(sorted.map(([address]) => address));
}

/**
 * What to do with what the registry names now: publish it, or keep the list there is, because it is the same or
 * because fewer brokers than that are never a list to follow.
 */
export function decide(
  current: readonly string[] | undefined,
  found: readonly string[],
  minBrokers: number,
): 'publish' | 'same' | 'too-few' {
  if (found.length < minBrokers) return 'too-few';
  const same = current?.length === found.length && current.every((address, at) => address === found[at]);
  return same ? 'same' : 'publish';
}

/** The addresses that kafkajs can use: it splits each at every `:`, so an IPv6 address would be cut to pieces. */
export function forKafkajs(brokers: readonly string[]): { usable: string[]; leftOut: readonly string[] } {
  const isIPv6 = (address: string): boolean => address.startsWith('[');
  return { usable: brokers.filter((address) => !isIPv6(address)), leftOut: brokers.filter(isIPv6) };
}
