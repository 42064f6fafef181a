import type { ItemMap, Quarantined, Revision } from '@rollcall/core';
import { compareKeys, quote } from '@rollcall/core/internal';
import type { BrokerListDecision } from './rule.js';
import type { AddressFate, AddressOutcome } from './select.js';

/** What became of one address that a key names, or of a key that names none. */
export interface AddressExplained {
  /** Whole, prefix included. */
  readonly key: string;
  /** Of the key's last write, where the backend has one; absent once the key is gone. */
  readonly revision?: Revision;
  /** Absent when none can be read. */
  readonly address?: string;
  readonly outcome: AddressOutcome;
  /** One line; absent where the outcome says it all. */
  readonly reason?: string;
}

/** Why the list is what it is. */
export interface BrokersExplained {
  /** In the order of the keys. */
  readonly addresses: readonly AddressExplained[];
  /** The last one; absent while there is none. */
  readonly decision?: BrokerListDecision;
}

interface Known {
  readonly prefix: string;
  readonly revisionOf: (key: string) => Revision | undefined;
  readonly fates: readonly AddressFate[];
  readonly quarantine: ItemMap<Quarantined>;
  /** Whether the key's brokers are those of a value before the one that is in quarantine. */
  readonly isKept: (key: string) => boolean;
  readonly held: ReadonlySet<string>;
  /** The list that is followed. */
  readonly brokers: readonly string[];
  readonly decision: BrokerListDecision | undefined;
}

/** Puts together what each stage knows of the keys. */
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
