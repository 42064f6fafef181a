import type { Logger } from '@rollcall/core';
import type { BrokerUpdate } from './types.js';

/**
 * The addresses that kafkajs can use: it splits each at every `:`, so an IPv6 address would be cut to pieces. Nobody stands
 * between it and a broker, so that it must not even be given one that is forbidden.
 */
export class ForKafkajs {
  readonly #logger: Logger;
  #warnedVersion = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Undefined when there is none; what kafkajs cannot read is warned of once for each list. */
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
