import { type Endpoint, formatEndpoint, WatchError } from '@rollcall/core';
import { parseEndpoint, quote } from '../address/endpoint.js';
import type { Gate } from '../gate/gate.js';
import type { BrokerListOptions } from './brokerList.js';
import { bootstrapServers, type OrderOptions } from './order.js';

const QUIET_MS = 200;
const MAX_QUIET_MS = 2000;

/** For one broker, ms. */
const PROBE_MS = 2000;

/** A listener's name in Kafka's configuration, and in front of an address. */
const LISTENER = /^[a-z][a-z0-9_.+-]*$/i;

/** The options of a list that are its policy, checked. */
export interface Policy {
  readonly minBrokers: number;
  /** Checked by the watcher, which waits them out. */
  readonly quietMs: number;
  readonly maxQuietMs: number;
  readonly fallback: readonly string[] | undefined;
  readonly listener: string | undefined;
  readonly order: OrderOptions;
  /** ms for one broker; undefined when nobody is asked. */
  readonly probeMs: number | undefined;
}

/** @throws WatchError INVALID_OPTION that names the option. */
export function checkedPolicy(options: BrokerListOptions, gate: Pick<Gate, 'refusal'>): Policy {
  const { minBrokers = 1, quietMs = QUIET_MS, maxQuietMs = Math.max(MAX_QUIET_MS, quietMs) } = options;
  const { fallback, listener, shuffle, limit, probe = false } = options;
  checkCount('minBrokers', minBrokers);
  if (limit !== undefined) {
    checkCount('limit', limit);
    if (limit < minBrokers) throw invalid(`"limit" is ${limit}, less than "minBrokers", ${minBrokers}; raise it.`);
  }
  if (shuffle !== undefined && typeof shuffle !== 'string' && !Number.isFinite(shuffle)) {
    throw invalid(`"shuffle" must be a seed, a number or text; it is ${shuffle}.`);
  }
  if (listener !== undefined && !LISTENER.test(listener)) {
    throw invalid(`"listener" must be a listener's name or a protocol, as SASL_SSL; it is ${quote(listener)}.`);
  }
  return {
    minBrokers,
    quietMs,
    maxQuietMs,
    fallback: fallback && checkedFallback(fallback, gate),
    listener,
    order: { ...(shuffle !== undefined && { shuffle }), ...(limit !== undefined && { limit }) },
    probeMs: checkedProbe(probe),
  };
}

function checkedProbe(probe: boolean | { readonly timeoutMs?: number }): number | undefined {
  if (typeof probe === 'boolean') return probe ? PROBE_MS : undefined;
  const { timeoutMs = PROBE_MS } = probe;
  if (Number.isFinite(timeoutMs) && timeoutMs > 0) return timeoutMs;
  throw invalid(`"probe.timeoutMs" must be a time above 0, in ms; it is ${timeoutMs}.`);
}

function checkedFallback(fallback: readonly string[], gate: Pick<Gate, 'refusal'>): readonly string[] {
  if (fallback.length === 0) throw invalid('"fallback" names no broker; leave it out or give at least one.');
  const endpoints = fallback.map((address, at): Endpoint => {
    try {
      return parseEndpoint(address);
    } catch (error) {
      const why = (error as Error).message;
      throw new WatchError('INVALID_OPTION', `"fallback[${at}]" is not a broker's address: ${why}.`, { cause: error });
    }
  });
  for (const endpoint of endpoints) {
    if (gate.refusal(endpoint) === undefined) continue;
    throw invalid(`"fallback" names ${formatEndpoint(endpoint)}, which "allow" does not; add it there.`);
  }
  return bootstrapServers(endpoints);
}

function checkCount(name: string, count: number): void {
  if (Number.isInteger(count) && count >= 1) return;
  throw invalid(`"${name}" must be a whole number, 1 or more; it is ${count}.`);
}

function invalid(message: string): WatchError {
  return new WatchError('INVALID_OPTION', message);
}
