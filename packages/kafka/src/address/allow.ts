import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';
import { BrokerAddress, WatchError } from '@rollcall/core';
import { quote } from '@rollcall/core/internal';
import { unmapped } from './unmapped.js';

/**
 * What the list is asked about: a host and a port. An IPv4 address is written as IPv4, also if a socket gave it as
 * `::ffff:…`.
 */
type AllowSubject = Pick<BrokerAddress, 'host' | 'port'>;

/** One entry of the allow-list: true if it allows the address. */
type Rule = (subject: AllowSubject) => boolean;

/** An entry's parts: `[ipv6]` or text without colons, then optionally `/bits` and `:port`. */
const ENTRY = /^(?:\[([^[\]/]*)\]|([^:[\]/]*))(?:\/(\d{1,3}))?(?::(.*))?$/s;
/** The first 96 bits of an IPv4-mapped IPv6 address are the mapping; the rest is the IPv4 address. */
const MAPPED_BITS = 96;

/**
 * Makes a function that says why a broker may not be connected to, in one line; undefined if it may.
 *
 * An entry is a name (`kafka-1`), all names below one (`*.example.com`), an address (`10.0.0.1`, `[::1]`) or a block of
 * them (`10.0.0.0/8`, `[2001:db8::]/32`), each with `:port` for that port alone. Names are compared with names and
 * addresses with blocks: nothing is resolved, so a name is trusted as far as its DNS is. `::ffff:10.0.0.1` is 10.0.0.1.
 * @param entries undefined: any broker.
 * @throws WatchError INVALID_OPTION that names the entry.
 */
export function allowList(entries: readonly string[] | undefined): (address: BrokerAddress) => string | undefined {
  if (entries === undefined) return () => undefined;
  if (!Array.isArray(entries))
    throw new WatchError('INVALID_OPTION', '"allow" must be a list of hosts, as ["kafka-1"].');
  if (entries.length === 0) {
    throw new WatchError('INVALID_OPTION', '"allow" is empty, so that no broker could be used; leave it out for any.');
  }
  const rules = entries.map((entry, at) => {
    try {
      return ruleOf(entry);
    } catch (error) {
      const why = `"allow[${at}]", ${quote(entry)}, is no host, address or CIDR block: ${(error as Error).message}.`;
      throw new WatchError('INVALID_OPTION', why, { cause: error });
    }
  });
  return (address) => {
    const subject = { host: unmapped(address.host), port: address.port };
    return rules.some((rule) => rule(subject)) ? undefined : `${address} is not in the allow-list`;
  };
}

/** @throws Error with the reason. */
function ruleOf(entry: unknown): Rule {
  if (typeof entry !== 'string') throw new Error('it is not text');
  const text = entry.trim();
  // `::1:9092` without brackets is an IPv6 address without a port, so it gets brackets before the match.
  const match = ENTRY.exec(isIPv6(text.replace(/\/.*$/, '')) ? text.replace(/^[^/]*/, '[$&]') : text);
  if (match === null) throw new Error('write host, host:port, [ipv6]:port or address/bits');
  const [, bracketed, plain, bits, port] = match;
  const host = bracketed ?? plain ?? '';
  if (bracketed !== undefined && !isIPv6(host)) throw new Error('there is no IPv6 address in the brackets');
  const wanted = port === undefined ? undefined : BrokerAddress.of('any', port).port;
  const fits = bits === undefined && isIP(host) === 0 ? nameRule(host) : blockRule(host, bits);
  return (subject) => (wanted === undefined || wanted === subject.port) && fits(subject);
}

function nameRule(text: string): Rule {
  const below = text.startsWith('*.');
  const { host: name } = BrokerAddress.of(below ? text.slice(2) : text, BrokerAddress.DEFAULT_PORT);
  if (below) return ({ host }) => isIP(host) === 0 && host.endsWith(`.${name}`);
  return ({ host }) => host === name;
}

function blockRule(text: string, bitsText: string | undefined): Rule {
  if (isIP(text) === 0) throw new Error(`${quote(text)} is not an address, so there is no block of it`);
  const whole = isIPv4(text) ? 32 : 128;
  const given = bitsText === undefined ? whole : Number(bitsText);
  if (given > whole) throw new Error(`/${given} is more than its ${whole} bits`);
  const canonical = canonicalIP(text);
  // A block with a prefix shorter than 96 bits is about IPv6: it allows no IPv4 address.
  const address = given >= MAPPED_BITS ? unmapped(canonical) : canonical;
  const bits = address === canonical ? given : given - MAPPED_BITS;
  const block = new BlockList();
  block.addSubnet(address, bits, familyOf(address));
  return ({ host }) => isIP(host) === isIP(address) && block.check(host, familyOf(host));
}

/** In the form of RFC 5952. A block may begin at `0.0.0.0` or `::`, at which no broker can be reached. */
function canonicalIP(text: string): string {
  if (isIPv4(text)) return text;
  if (text.includes('%')) throw new Error('an IPv6 zone means nothing on another machine');
  return new URL(`http://[${text}]`).hostname.slice(1, -1);
}

function familyOf(host: string): 'ipv4' | 'ipv6' {
  return isIPv6(host) ? 'ipv6' : 'ipv4';
}
