import type { Collection, Watcher } from '@rollcall/core';
import { printable, quote } from '@rollcall/core/internal';
import type { Registered } from '../address/registered.js';

/**
 * Says why the keys name no brokers at all: there are no keys, or every one was rejected.
 * @returns undefined if some key names a broker, or the state is not known yet.
 */
export function missingFrom(
  { prefix, snapshot }: Pick<Watcher, 'prefix' | 'snapshot'>,
  { items, quarantine }: Pick<Collection<Registered>, 'items' | 'quarantine'>,
): string | undefined {
  if (snapshot === undefined || items.size > 0) return undefined;
  if (snapshot.entries.size === 0) return noKeys(prefix);
  const [first] = quarantine.values();
  if (first === undefined) return undefined;
  const { key, reason } = first;
  const such =
    quarantine.size === 1
      ? `the key ${quote(prefix + key)} is rejected`
      : `${quarantine.size} keys are rejected, as ${quote(prefix + key)}`;
  return `${such}: ${printable(reason)}`;
}

function noKeys(prefix: string): string {
  if (prefix === '') return 'there is no key';
  const inFront = prefix.startsWith('/') ? `; is it ${quote(prefix.slice(1))}, without the / in front?` : '';
  if (prefix.endsWith('/')) return `there is no key under ${quote(prefix)}${inFront}`;
  return `there is no key ${quote(prefix)}, and a path that does not end in / means this one exact key${inFront}`;
}
