import type { ItemMap, Quarantined, Revision } from '@rollcall/core';
import { compareKeys, quote } from '@rollcall/core/internal';
import type { BrokerListDecision } from './rule.js';
import type { AddressFate, AddressOutcome } from './select.js';

/** One address that a key names, or a key that names none, and its outcome. */
export interface AddressExplained {
  /** The whole key, prefix included. */
  readonly key: string;
  /** The revision of the key's last write, if the backend has one; absent once the key is gone. */
  readonly revision?: Revision;
  /** `host:port`; absent if the value has no address that can be read. */
  readonly address?: string;
  readonly outcome: AddressOutcome;
  /** Why, in one line; absent if the outcome says it all. */
  readonly reason?: string;
}

/** Each key and address with its outcome, and the decision on the list. */
export interface BrokersExplained {
  /** In the order of the keys. */
  readonly addresses: readonly AddressExplained[];
  /** The last decision; absent before the first. */
  readonly decision?: BrokerListDecision;
}

interface Known {
  readonly prefix: string;
  readonly revisionOf: (key: string) => Revision | undefined;
  readonly fates: readonly AddressFate[];
  readonly quarantine: ItemMap<Quarantined>;
  /** Whether the key's brokers come from an earlier value, because its present one is in quarantine. */
  readonly isKept: (key: string) => boolean;
  readonly held: ReadonlySet<string>;
  /** The list that is followed. */
  readonly brokers: readonly string[];
  readonly decision: BrokerListDecision | undefined;
}

/** Combines what decoding, the gate and the decision know of each key. */
export function explain({ fates, quarantine, decision, ...known }: Known): BrokersExplained {
  const rejected = [...quarantine.values()].map(({ key, reason }) => ({ key, outcome: 'rejected' as const, reason }));
  const listed = new Set(known.brokers);
  const all = [...fates.map((fate) => shown(fate, { ...known, listed })), ...rejected];
  all.sort((a, b) => compareKeys(a.key, b.key));
  const addresses = all.map(({ key, ...rest }): AddressExplained => {
    const revision = known.revisionOf(key);
    return { key: known.prefix + key, ...(revision !== undefined && { revision }), ...rest };
  });
  return { addresses, ...(decision && { decision }) };
}

function shown(
  { key, address, outcome, reason, firstKey }: AddressFate,
  {
    prefix,
    held,
    listed,
    isKept,
  }: Pick<Known, 'prefix' | 'held' | 'isKept'> & { readonly listed: ReadonlySet<string> },
): Omit<AddressExplained, 'revision'> {
  const because = (why: string | undefined): { readonly reason?: string } => (why === undefined ? {} : { reason: why });
  if (firstKey !== undefined) return { key, address, outcome, reason: `named by ${quote(prefix + firstKey)} too` };
  if (outcome !== 'listed') return { key, address, outcome, ...because(reason) };
  if (!listed.has(address)) return { key, address, outcome: 'usable', ...because(reason) };
  if (held.has(key)) {
    const why = 'a resync did not find the key; its brokers stay until a read confirms that it is gone';
    return { key, address, outcome: 'held', reason: why };
  }
  const kept = isKept(key) ? "the key keeps its last good value's brokers" : reason;
  return { key, address, outcome, ...because(kept) };
}
