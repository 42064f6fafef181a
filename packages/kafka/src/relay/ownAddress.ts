import { isIP, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Timing } from '@rollcall/core';
import type { Endpoint } from '@rollcall/core/adapter';
import { unmapped } from '../address/unmapped.js';

const WILDCARDS: readonly string[] = ['0.0.0.0', '::'];

/** How long a name that led to the relay itself is not tried again, ms: its DNS entry may be corrected. */
const REMEMBER_MS = 10_000;

/**
 * The address of a relay. Without this check, a registry that names the relay would make it connect to itself without
 * end.
 */
export class OwnAddress {
  readonly #host: string;
  readonly #port: number;
  readonly #timing: Pick<Timing, 'now'>;
  /** Hosts that led to the relay, and until when they are not tried. */
  readonly #found = new Map<string, number>();

  /** @param host an IP address; `0.0.0.0` and `::` stand for all addresses of this host. */
  constructor(host: string, port: number, timing: Pick<Timing, 'now'>) {
    this.#host = unmapped(host);
    this.#port = port;
    this.#timing = timing;
  }

  /** Whether the address is known to be the relay's, without a DNS lookup. */
  isAt({ host, port }: Endpoint): boolean {
    if (port !== this.#port) return false;
    if ((this.#found.get(host) ?? Number.NEGATIVE_INFINITY) > this.#timing.now()) return true;
    const address = unmapped(host);
    if (isIP(address) === 0) return false;
    return address === this.#host || (WILDCARDS.includes(this.#host) && isOfThisHost(address));
  }

  /**
   * Whether an open connection leads to the relay. Remembers the dialled host at once: the next dial begins before this
   * one ends.
   */
  isPeerOf({ remoteAddress, remotePort }: Socket, { host }: Endpoint): boolean {
    if (remoteAddress === undefined || remotePort === undefined) return false;
    const isOwn = this.isAt({ host: remoteAddress, port: remotePort });
    if (isOwn) this.#found.set(host, this.#timing.now() + REMEMBER_MS);
    return isOwn;
  }
}

function isOfThisHost(address: string): boolean {
  if (isLoopback(address)) return true;
  return Object.values(networkInterfaces()).some((all) => all?.some((each) => each.address === address));
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}
