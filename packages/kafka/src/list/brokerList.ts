import type { Watcher } from '@rollcall/core';
import { createGate } from '../gate/gate.js';
import type { BrokerListOptions } from './options.js';
import type { BrokerList } from './types.js';
import { BrokerListView } from './view.js';

/**
 * Follows the brokers that the watcher's keys name.
 * @throws WatchError INVALID_OPTION.
 */
export function brokerList(watcher: Watcher, options: BrokerListOptions = {}): BrokerList {
  return new BrokerListView(watcher, options, createGate(options, options.timing));
}
