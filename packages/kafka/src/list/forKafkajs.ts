import type { Logger } from '@rollcall/core';
import type { BrokerUpdate } from './types.js';

/**
 * The addresses that kafkajs can use. It splits an address at every `:`, so IPv6 addresses are left out. kafkajs dials
 * what it is given, so addresses that the gate refuses are left out, too.
 */
export class ForKafkajs {
  readonly #logger: Logger;
  #warnedVersion = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Undefined if no address is left. Warns once per list of addresses that kafkajs cannot read. */
  usable(
    { brokers, version }: Pick<BrokerUpdate, 'brokers' | 'version'>,
    forbidden: ReadonlySet<string>,
  ): string[] | undefined {
    const isIPv6 = (address: string): boolean => address.startsWith('[');
    const leftOut = brokers.filter(isIPv6);
    if (leftOut.length > 0 && this.#warnedVersion !== version) {
      this.#warnedVersion = version;
      const message = 'kafkajs cannot read IPv6 addresses: these brokers are left out for it.';
      this.#logger.warn({ brokers: leftOut }, message);
    }
    const usable = brokers.filter((address) => !isIPv6(address) && !forbidden.has(address));
    return usable.length > 0 ? usable : undefined;
  }
}
