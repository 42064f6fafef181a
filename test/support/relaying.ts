import { createRegistry } from '@rollcall/core';
import { type BootstrapRelay, type BrokerList, type BrokerListOptions, brokerList, createRelay } from '@rollcall/kafka';
import { createMemoryAdapter } from '@rollcall/local';

/** A relay for the brokers of a registry, which the test writes. */
export interface Relaying extends AsyncDisposable {
  readonly relay: BootstrapRelay;
  readonly brokers: BrokerList;
  /** The warnings of the list and the relay, one line each, with the reasons for addresses that are left out. */
  readonly warnings: readonly string[];
  /** Writes exactly these brokers to the registry. */
  register(...addresses: readonly string[]): void;
}

/** The fields that a warning may have beside its text. */
interface Told {
  readonly leftOut?: readonly { readonly reason?: string }[];
}

export async function startRelaying(
  addresses: readonly string[] = [],
  { dialTimeoutMs = 2000, ...options }: BrokerListOptions & { readonly dialTimeoutMs?: number } = {},
): Promise<Relaying> {
  const adapter = createMemoryAdapter();
  const registry = createRegistry({ adapters: [adapter] });
  const store = adapter.store('kafka');
  const warnings: string[] = [];
  const quiet = (): void => {};
  const warn = ({ leftOut = [] }: Told, text: string): void =>
    void warnings.push([text, ...leftOut.map(({ reason }) => reason)].join(' '));
  const logger = { debug: quiet, info: quiet, warn, error: warn };
  let named: readonly string[] = [];
  const register = (...next: readonly string[]): void => {
    for (const address of next) store.put(`broker/${address}`, '');
    for (const address of named) if (!next.includes(address)) store.delete(`broker/${address}`);
    named = next;
  };
  register(...addresses);
  const brokers = brokerList(registry.watch('memory:kafka#broker/'), { logger, ...options });
  const relay = await createRelay(brokers, { logger, dialTimeoutMs });
  return {
    relay,
    brokers,
    warnings,
    register,
    [Symbol.asyncDispose]: async () => {
      await relay.close();
      await brokers.close();
      await registry.close();
    },
  };
}
