import type { Logger, Timing } from '@rollcall/core';
import { type Endpoint, formatEndpoint, WatchError } from '@rollcall/core';
import { parseEndpoint, quote } from '../address/endpoint.js';
import type { Gate, GateOptions } from '../gate/types.js';

import { bootstrapServers, type OrderOptions } from './order.js';

/** Without `allow`, `clusterId` and `probe` the registry is believed: whoever can write to it can redirect clients. */
export interface BrokerListOptions extends GateOptions, OrderOptions {
  /**
   * Which of its brokers' listeners to take, by the listener's name or its protocol, in any case: `SASL_SSL`, `EXTERNAL`.
   * An entry that names none is taken. Default: the protocol that most brokers offer, and no other beside it; of two
   * that are offered equally, the first of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL. Name it where clients can speak
   * only one: a majority may change.
   */
  readonly listener?: string;
  /**
   * Asks each broker for its cluster (ApiVersions, Metadata) before it is listed, with `tls` and `sasl` where they are
   * given. One of another cluster, or one that advertises an address outside `allow`, is left out, always. One that does
   * not answer is left out until it does, unless it was listed before. Without `clusterId` the first list teaches it, if
   * its brokers agree. A rogue broker can lie about its cluster: only `tls` proves who answers. `timeoutMs` is for one
   * broker; a list waits for all answers, but not longer than two of these. Default: off; 2000.
   */
  readonly probe?: boolean | { readonly timeoutMs?: number };
  /** Fewer brokers than this are not followed: the last good list stays, and the status is stale. Default: 1. */
  readonly minBrokers?: number;
  /**
   * The list to use while the registry has not given one: once an attempt to reach it failed, or it names too few. Its
   * brokers are not asked for their cluster.
   */
  readonly fallback?: readonly string[];
  /** A change is published when nothing has changed for this long, ms, so that a flapping key is one change. Default: 200. */
  readonly quietMs?: number;
  /** The longest that flapping holds a change back, ms. Default: 2000. */
  readonly maxQuietMs?: number;
  /** Holds a resync that takes more than half of the keys, and at least 3, until a fresh read confirms it. Default: on. */
  readonly guard?: boolean;
  /** Told of every bad value and of every list that is not followed. Default: silent. */
  readonly logger?: Logger;
  /** Default: the system's. */
  readonly timing?: Timing;
}

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
