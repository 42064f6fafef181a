import type { Watcher } from '@rollcall/core';
import { createGate } from '../gate/gate.js';
import type { Gate } from '../gate/types.js';
import { type BrokerListOptions, checkedPolicy, checkOptions } from './options.js';
import type { BrokerList } from './types.js';
import { BrokerListView } from './view.js';

/**
 * Checks the options of a list without making one.
 * @throws WatchError INVALID_OPTION that names the option.
 */
export function checkBrokerListOptions(options: BrokerListOptions): void {
  checkOptions(options);
  checkedPolicy(options, gateOf(options));
}

/**
 * Makes a live list of the brokers that the watcher's keys name. It ends with the watcher, or when it is closed.
 * @throws WatchError INVALID_OPTION.
 */
export function brokerList(watcher: Watcher, options: BrokerListOptions = {}): BrokerList {
  checkOptions(options);
  return new BrokerListView(watcher, options, gateOf(options));
}

function gateOf({ tls, sasl, allow, clusterId, timing }: BrokerListOptions): Gate {
  const options = {
    ...(tls !== undefined && { tls }),
    ...(sasl !== undefined && { sasl }),
    ...(allow !== undefined && { allow }),
    ...(clusterId !== undefined && { clusterId }),
  };
  return createGate(options, timing);
}
