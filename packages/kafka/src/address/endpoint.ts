import { isIP, isIPv4, isIPv6 } from 'node:net';
import type { Endpoint } from '@rollcall/core';

/** Kafka's own default, for a host without a port. */
export const DEFAULT_PORT = 9092;

/** RFC 1123, and the underscore that container names have. */
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
const LONGEST_NAME = 253;
/** A name that ends so is taken for an IPv4 address by resolvers, in ways that differ (WHATWG URL, "ends in a number"). */
const NUMERIC_LABEL = /^(?:\d+|0x[0-9a-f]*)$/;
/** A server binds to these (the last is the first in IPv6's clothes); nobody can connect to them. */
const WILDCARDS = ['0.0.0.0', '::', '::ffff:0:0'];

/**
 * An address as text: `host`, `host:port`, `[ipv6]:port`, each with or without `PROTOCOL://` before it.
 * @throws Error with the reason, one line.
 */
export function parseEndpoint(text: string): Endpoint {
  const address = text.trim().replace(/^[a-z][a-z0-9_.+-]*:\/\//i, '');
  const named = quote(text);
  if (isIPv6(address)) throw new Error(`${named}: an IPv6 address needs brackets, as in [::1]:${DEFAULT_PORT}`);
  const match = /^(?:\[([^[\]]*)\]|([^:[\]]*))(?::(.*))?$/s.exec(address);
  if (match === null) throw new Error(`${named} is not host:port`);
  const [, bracketed, name, port] = match;
  if (bracketed !== undefined && !isIPv6(bracketed)) throw new Error(`${named}: no IPv6 address in the brackets`);
  try {
    return endpointOf(bracketed ?? name, port ?? DEFAULT_PORT);
  } catch (error) {
    const { message } = error as Error;
    throw message.startsWith(named) ? error : new Error(`${named}: ${message}`);
  }
}

/**
 * One canonical form for each address: lower case, no trailing dot, the shortest IPv6 (RFC 5952), port 1 to 65535.
 * @throws Error with the reason, one line.
 */
export function endpointOf(host: unknown, port: unknown): Endpoint {
  return { host: canonicalHost(host), port: canonicalPort(port) };
}

function canonicalHost(host: unknown): string {
  if (typeof host !== 'string') throw new Error(`the host ${quote(host)} is not text`);
  const given = host.toLowerCase();
  const name = given.replace(/\.$/, '');
  // Only a name can end so: whoever resolves `10.0.0.1.` asks DNS for it.
  if (name !== given && isIP(name) !== 0) throw new Error(`${quote(host)} is not an address, for the dot at its end`);
  const canonical = isIPv6(name) ? canonicalIPv6(name) : name;
  if (WILDCARDS.includes(canonical))
    throw new Error(`${quote(host)} is the wildcard address; nobody can connect to it`);
  if (canonical.includes(':') || isIPv4(canonical)) return canonical;
  if (canonical === '') throw new Error('there is no host');
  const labels = canonical.split('.');
  if (canonical.length > LONGEST_NAME || !labels.every((label) => LABEL.test(label))) {
    throw new Error(`${quote(host)} is not a host name`);
  }
  if (NUMERIC_LABEL.test(labels.at(-1) ?? '')) throw new Error(`${quote(host)} is not an IPv4 address`);
  return canonical;
}

/** The shortest form (RFC 5952). @throws Error for one with a zone. */
export function canonicalIPv6(address: string): string {
  if (address.includes('%')) throw new Error(`${quote(address)}: an IPv6 zone means nothing on another machine`);
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}

function canonicalPort(port: unknown): number {
  const number = typeof port === 'string' && /^\d{1,5}$/.test(port) ? Number(port) : port;
  if (typeof number === 'number' && Number.isInteger(number) && number >= 1 && number <= 65535) return number;
  throw new Error(`the port ${quote(port)} is not a number from 1 to 65535`);
}

/** Enough of a value to recognise it. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
