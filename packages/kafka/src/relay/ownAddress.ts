import { isIP, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Timing } from '@rollcall/core';
import type { Endpoint } from '@rollcall/core/adapter';
import { unmapped } from '../address/unmapped.js';

const WILDCARDS: readonly string[] = ['0.0.0.0', '::'];

/** How long a name that led to the relay is not tried again, ms: its DNS entry may be corrected. */
const REMEMBER_MS = 10_000;

/** Where a relay listens. A registry that names this address must not make the relay connect to itself, over and over. */
export class OwnAddress {
  readonly #host: string;
  readonly #port: number;
  readonly #timing: Pick<Timing, 'now'>;
  /** Hosts that led here, and until when they are not tried. */
  readonly #found = new Map<string, number>();

  /** @param host an IP address; `0.0.0.0` and `::` are all of this host's. */
  constructor(host: string, port: number, timing: Pick<Timing, 'now'>) {
    this.#host = unmapped(host);
    this.#port = port;
    this.#timing = timing;
  }

  /** Whether an address is the relay's, as far as is known without asking DNS. */
  isAt({ host, port }: Endpoint): boolean {
    if (port !== this.#port) return false;
    if ((this.#found.get(host) ?? Number.NEGATIVE_INFINITY) > this.#timing.now()) return true;
    const address = unmapped(host);
    if (isIP(address) === 0) return false;
    return address === this.#host || (WILDCARDS.includes(this.#host) && isOfThisHost(address));
  }

  /** Whether a connection leads here. What was dialled is remembered: the next dial begins before this one ends. */
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
