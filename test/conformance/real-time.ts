import { systemTiming } from '@rollcall/core';
import type { Adapter } from '@rollcall/core/adapter';

/** Consul's limit of requests runs on the clock, and would stand still with a test's. */
export function onRealTime(adapter: Adapter): Adapter {
  return { ...adapter, open: (location, options) => adapter.open(location, { ...options, timing: systemTiming }) };
}

export const OWN_CLOCK = 'it runs on real time here; test/faults/consul-cluster.test.ts has it with 200 processes';
