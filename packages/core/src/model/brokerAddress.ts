import { isIP, isIPv6 } from 'node:net';
import { inspect } from 'node:util';
import { quote } from './printable.js';

/** RFC 1123, and the underscore that container names have. */
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
/** Characters (RFC 1035, 2.3.4, without the trailing dot). */
const LONGEST_NAME = 253;
/** Resolvers take a name that ends so for an IPv4 address, in ways that differ (WHATWG URL, "ends in a number"). */
const NUMERIC_LABEL = /^(?:\d+|0x[0-9a-f]*)$/;
/** A server binds to these (the last one is 0.0.0.0 as IPv6); nobody can connect to them. */
const WILDCARDS = ['0.0.0.0', '::', '::ffff:0:0'];
/** `[ipv6]:port`, or `host:port`; the port may be missing. */
const ADDRESS = /^(?:\[([^[\]]*)\]|([^:[\]]*))(?::(.*))?$/s;
const PARTS = /\d+|\D+/g;
/** A listener's name before an address, as Kafka writes it. */
const LISTENER = /^[a-z][a-z0-9_.+-]*:\/\//i;

/**
 * Where a server, such as a Kafka broker, takes connections: a host and a port. Immutable, and in one canonical form:
 * two addresses are equal if their texts are equal. A host is a name (RFC 1123, lower case, no dot at its end), an IPv4
 * address or an IPv6 address (RFC 5952), so the text holds no comma, space, slash, quote or control character.
 */
export class BrokerAddress {
  /** Kafka's own default. */
  static readonly DEFAULT_PORT = 9092;
  /** An IPv6 address without brackets. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;

  private constructor(host: string, port: number) {
    this.host = host;
    this.port = port;
  }

  /**
   * Reads `host`, `host:port` or `[ipv6]:port`, each with or without `LISTENER://` before it.
   * @param defaultPort where the text has none. Default: 9092.
   * @throws Error with the reason, one line. It never quotes a text with an `@`, which may hold a password.
   */
  static parse(text: string, defaultPort: number = BrokerAddress.DEFAULT_PORT): BrokerAddress {
    if (typeof text !== 'string') throw new Error(`the address ${quote(text)} is not text`);
    const named = quote(text);
    if (text.includes('@')) throw new Error(`${named} is not host:port: an address has no user and no password`);
    const address = text.trim().replace(LISTENER, '');
    if (isIPv6(address)) throw new Error(`${named}: an IPv6 address needs brackets, as in [::1]:${defaultPort}`);
    const [, bracketed, name, port] = ADDRESS.exec(address) ?? [];
    if (bracketed === undefined && name === undefined) throw new Error(`${named} is not host:port`);
    if (bracketed !== undefined && !isIPv6(bracketed)) throw new Error(`${named}: no IPv6 address in the brackets`);
    try {
      return BrokerAddress.of(bracketed ?? name, port ?? defaultPort);
    } catch (error) {
      const { message } = error as Error;
      throw message.startsWith(named) ? error : new Error(`${named}: ${message}`);
    }
  }

  /**
   * The address of a host, an IPv6 address with or without brackets, and a port, a number or its digits.
   * @throws Error with the reason, one line.
   */
  static of(host: unknown, port: unknown): BrokerAddress {
    return new BrokerAddress(canonicalHost(host), canonicalPort(port));
  }

  /** By host, with numbers in it as numbers (`b2` before `b10`), then by port. */
  static compare(a: BrokerAddress, b: BrokerAddress): number {
    return compareNaturally(a.host, b.host) || a.port - b.port;
  }

  /** `host:port`, an IPv6 address in brackets. */
  toString(): string {
    return this.host.includes(':') ? `[${this.host}]:${this.port}` : `${this.host}:${this.port}`;
  }

  /** As text. */
  toJSON(): string {
    return this.toString();
  }

  [inspect.custom](): string {
    return `BrokerAddress(${this})`;
  }
}

/** By code unit, but for runs of digits, which compare as numbers. 0 for equal texts alone. */
function compareNaturally(a: string, b: string): number {
  const [left, right] = [a.match(PARTS) ?? [], b.match(PARTS) ?? []];
  for (const [at, part] of left.entries()) {
    const other = right[at];
    if (other === undefined) return 1;
    const isNumber = /^\d/.test(part) && /^\d/.test(other);
    // Numbers of any length: without leading zeros the longer one is the larger one.
    const [p, q] = isNumber ? [part.replace(/^0+(?=.)/, ''), other.replace(/^0+(?=.)/, '')] : [part, other];
    if (isNumber && p.length !== q.length) return p.length - q.length;
    if (p !== q) return p < q ? -1 : 1;
  }
  if (left.length < right.length) return -1;
  return a === b ? 0 : a < b ? -1 : 1;
}

function canonicalHost(host: unknown): string {
  if (typeof host !== 'string') throw new Error(`the host ${quote(host)} is not text`);
  const given = host.toLowerCase();
  const bare = given.startsWith('[') && given.endsWith(']') ? given.slice(1, -1) : given;
  if (isIPv6(bare)) return connectable(canonicalIPv6(bare), host);
  const name = given.replace(/\.$/, '');
  // Only a name can end so: a resolver asks DNS for `10.0.0.1.`.
  if (name !== given && isIP(name) !== 0) throw new Error(`${quote(host)} is not an address, for the dot at its end`);
  if (isIP(name) !== 0) return connectable(name, host);
  if (name === '') throw new Error('there is no host');
  const labels = name.split('.');
  // toLowerCase() turns a few letters that are not ASCII into ASCII (the Kelvin sign).
  const isName = /^[\x21-\x7e]*$/.test(host) && name.length <= LONGEST_NAME && labels.every((each) => LABEL.test(each));
  if (!isName) throw new Error(`${quote(host)} is not a host name`);
  if (NUMERIC_LABEL.test(labels.at(-1) ?? '')) throw new Error(`${quote(host)} is not an IPv4 address`);
  return name;
}

function connectable(address: string, given: string): string {
  if (!WILDCARDS.includes(address)) return address;
  throw new Error(`${quote(given)} is the wildcard address; nobody can connect to it`);
}

/** The shortest form (RFC 5952). @throws Error for an address with a zone. */
function canonicalIPv6(address: string): string {
  if (address.includes('%')) throw new Error(`${quote(address)}: an IPv6 zone means nothing on another machine`);
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}

function canonicalPort(port: unknown): number {
  const number = typeof port === 'string' && /^\d{1,5}$/.test(port) ? Number(port) : port;
  if (typeof number === 'number' && Number.isInteger(number) && number >= 1 && number <= 65535) return number;
  throw new Error(`the port ${quote(port)} is not a number from 1 to 65535`);
}
