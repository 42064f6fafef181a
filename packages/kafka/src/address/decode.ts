import { isIP } from 'node:net';
import { BrokerAddress, parseJson, parseText } from '@rollcall/core';
import { quote } from '@rollcall/core/internal';
import { type Candidate, PROTOCOLS, type RegisteredBroker } from './listener.js';

/** The longest value that is read, bytes: room for thousands of brokers. */
const LONGEST_VALUE = 64 * 1024;
/** The most addresses that one value may name. The rest is rejected, so that one hostile key cannot fill the list. */
const MOST_ADDRESSES = 100;

const JSON_TEXT = /^(?:[{"]|\[\s*["{\]]|(?:true|false|null)$)/;
const SCHEME = /^\s*([a-z][a-z0-9_.+-]*):\/\//i;
/** A listener's name in Kafka's configuration. */
const LISTENER = /^[a-z][a-z0-9_.+-]{0,99}$/i;
const EXPLICIT_PORT = /:\d{1,5}$/;
/** A host with a port, as `b1:9092` or `[::1]:9092`, in a field that should hold the host alone. */
const HOST_AND_PORT = /^(?:\[[^[\]]*\]|[^:[\]/]*):\d+$/;
/** Kafka 0.9 of some distributions calls SASL_PLAINTEXT so. */
const OLD_SASL_PLAINTEXT = 'PLAINTEXTSASL';

/**
 * Reads the brokers that one key and its value name. A value can be `host:port[,host:port]`, `LISTENER://host:port`,
 * JSON `{"host","port"}` with optional `listener`, `protocol` and `rack` (an instance of Consul has them in `meta`), a
 * JSON list of these, or the JSON that a broker registers in ZooKeeper (versions 1 to 5), which has a candidate for
 * each endpoint. If the value is empty, blank or `null`, the key's last segment names the broker. It must then have a
 * port or a dot, or be an IP address: `10.0.0.1:9092`, `b1.example.org`.
 * @param key relative to the watched prefix; empty for a watch on one exact key.
 * @param reject called for each address that cannot be used, with the reason, if another address of the key can be.
 * @throws Error with the reasons if the key names no usable broker. No reason quotes a text with an `@`, which may hold
 *   a password.
 */
export function decodeBrokers(
  value: Uint8Array,
  key: string,
  reject: (reason: string) => void,
): readonly RegisteredBroker[] {
  if (key.endsWith('/')) throw new Error('a key that ends in "/" is a folder: it names no broker');
  if (value.length > LONGEST_VALUE) {
    throw new Error(`${value.length} bytes are too many to name brokers; ${LONGEST_VALUE} are allowed`);
  }
  const text = parseText(value).trim();
  if (text === '' || text === 'null') return [[namedByKey(key)]];
  const attempts = new Attempts();
  const found = JSON_TEXT.test(text)
    ? listOf(parseJson(value)).flatMap((json) => fromJson(json, attempts))
    : attempts.run(() => fromText(text, attempts)).flat();
  const usable = found.filter((candidates) => candidates.length > 0);
  if (usable.length === 0) throw new Error(attempts.reasons.join('; ') || 'it names no broker');
  for (const reason of attempts.reasons) reject(reason);
  return usable;
}

/** Reads addresses one by one, keeps the reasons of those that fail, and gives up after too many. */
class Attempts {
  readonly #reasons: string[] = [];
  #addresses = 0;

  get reasons(): readonly string[] {
    const beyond = this.#addresses - MOST_ADDRESSES;
    if (beyond <= 0) return this.#reasons;
    return [...this.#reasons, `${beyond} addresses beyond the first ${MOST_ADDRESSES} are left out`];
  }

  /** @returns what `run` returns; undefined if it throws. */
  run<T>(parse: () => T): T[] {
    try {
      return [parse()];
    } catch (error) {
      this.#reasons.push((error as Error).message);
      return [];
    }
  }

  /** As `run`, for a function that returns one address. */
  address<T>(parse: () => T): T[] {
    this.#addresses++;
    return this.#addresses > MOST_ADDRESSES ? [] : this.run(parse);
  }
}

function namedByKey(key: string): Candidate {
  if (key === '') throw new Error('the value is empty, and one exact key names no broker: write host:port into it');
  const scheme = key.lastIndexOf('://');
  const segment = key.slice(key.lastIndexOf('/', scheme >= 0 ? scheme : key.length) + 1);
  const candidate = addressed(segment);
  const { address } = candidate;
  // A bare word is more often a setting's name than a host: `leader`, `config`.
  if (EXPLICIT_PORT.test(segment) || isIP(address.host) !== 0 || address.host.includes('.')) return candidate;
  throw new Error(`the value is empty, and the word ${quote(segment)} names no broker: write ${address} if it is one`);
}

function fromText(text: string, attempts: Attempts): RegisteredBroker[] {
  // Checked before the text is split at commas: a password may hold one.
  if (text.includes('@')) throw new Error('it holds an "@": write host:port, without user and password');
  const pieces = text.split(',').filter((piece) => piece.trim() !== '');
  return pieces.flatMap((piece) => attempts.address(() => [addressed(piece)]));
}

function fromJson(json: unknown, attempts: Attempts): RegisteredBroker[] {
  return attempts
    .run(() => (typeof json === 'string' ? fromText(json, attempts) : [registered(json, attempts)]))
    .flat();
}

function listOf(json: unknown): readonly unknown[] {
  return Array.isArray(json) ? json : [json];
}

/** @param map ZooKeeper's `listener_security_protocol_map`. */
function addressed(text: string, about: Partial<Candidate> = {}, map?: unknown): Candidate {
  const address = BrokerAddress.parse(text);
  const scheme = SCHEME.exec(text)?.[1];
  if (scheme === undefined) return { ...about, address };
  const protocol = protocolOf((isObject(map) ? map[scheme] : undefined) ?? scheme);
  return { ...about, listener: listenerOf(scheme), ...(protocol && { protocol }), address };
}

/** A broker's registration: its `host` and `port` if it has them, and all of its `endpoints`. */
function registered(json: unknown, attempts: Attempts): RegisteredBroker {
  if (!isObject(json)) throw new Error(`${quote(json)} names no broker`);
  const { host, port, endpoints, listener_security_protocol_map: map } = json;
  const about = described(json);
  const listeners = Array.isArray(endpoints) ? endpoints.filter((each) => typeof each === 'string') : [];
  if (listeners.length === 0) {
    if (host === undefined || host === null) throw new Error('the JSON has no "host"');
    return attempts.address(() => ({ ...about, address: addressOf(host, port) }));
  }
  const { rack } = about;
  const candidates = listeners.flatMap((each) =>
    attempts.address(() => addressed(each, rack === undefined ? {} : { rack }, map)),
  );
  // ZooKeeper repeats the plain listener in `host` and `port`. Without one, `host` is null and `port` is -1.
  const hasOwn = typeof host === 'string' && (port === undefined || !isUnset(port) || HOST_AND_PORT.test(host));
  if (!hasOwn) return candidates;
  const own = attempts.address(() => addressOf(host, port));
  const listed = new Set(candidates.map(({ address }) => String(address)));
  const more = own.filter((address) => !listed.has(String(address)));
  return [...candidates, ...more.map((address) => ({ ...about, address }))];
}

/** `"host": "b1"` and `"port": 9092`. Old distributions write `"host": "b1:9092"` with the port -1. */
function addressOf(host: unknown, port: unknown): BrokerAddress {
  if (port === 0) {
    throw new Error("the port is 0: give one (a Consul service must be registered with the broker's port)");
  }
  if (typeof host !== 'string' || !HOST_AND_PORT.test(host)) {
    return BrokerAddress.of(host, isUnset(port) ? BrokerAddress.DEFAULT_PORT : port);
  }
  const address = BrokerAddress.parse(host);
  if (!isUnset(port) && BrokerAddress.of(address.host, port).port !== address.port) {
    throw new Error(`the host ${quote(host)} has another port than "port", ${quote(port)}`);
  }
  return address;
}

function isUnset(port: unknown): boolean {
  return port === undefined || port === null || port === -1;
}

/** Listener, protocol and rack of a JSON value. Users of Consul put them into the instance's `meta`. */
function described(json: Readonly<Record<string, unknown>>): Partial<Candidate> {
  const meta = isObject(json.meta) ? json.meta : {};
  const said = (name: string): string | undefined =>
    [json[name], meta[name]].find((each): each is string => typeof each === 'string' && each !== '');
  // The reason quotes the name, and a hostile name may hold control characters.
  if (!LISTENER.test(said('listener') ?? 'X')) throw new Error('its "listener" is not the name of one');
  const [listener, protocol, rack] = [said('listener'), protocolOf(said('protocol') ?? said('listener')), said('rack')];
  return {
    ...(listener !== undefined && { listener: listenerOf(listener) }),
    ...(protocol !== undefined && { protocol }),
    ...(rack !== undefined && { rack }),
  };
}

function listenerOf(name: string): string {
  const listener = name.toUpperCase();
  return listener === OLD_SASL_PLAINTEXT ? 'SASL_PLAINTEXT' : listener;
}

/** One of Kafka's protocols. Other words, as `tcp`, do not say how to speak to a broker. */
function protocolOf(name: unknown): string | undefined {
  const protocol = listenerOf(String(name));
  return PROTOCOLS.includes(protocol) ? protocol : undefined;
}

function isObject(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
