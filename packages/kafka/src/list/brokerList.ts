import type { Watcher } from '@rollcall/core';
import { createGate } from '../gate/gate.js';
import { type BrokerListOptions, checkOptions } from './options.js';
import type { BrokerList } from './types.js';
import { BrokerListView } from './view.js';

/**
 * Follows the brokers that the watcher's keys name.
 * @throws WatchError INVALID_OPTION.
 */
export function brokerList(watcher: Watcher, options: BrokerListOptions = {}): BrokerList {
  checkOptions(options);
  const { tls, sasl, allow, clusterId, timing } = options;
  const gate = createGate(
    {
      ...(tls !== undefined && { tls }),
      ...(sasl !== undefined && { sasl }),
      ...(allow !== undefined && { allow }),
      ...(clusterId !== undefined && { clusterId }),
    },
    timing,
  );
  return new BrokerListView(watcher, options, gate);
}
