import { type Endpoint, formatEndpoint, parseJson, parseText } from '@rollcall/core';
import { DEFAULT_PORT, endpointOf, parseEndpoint, quote } from './endpoint.js';
import { type Candidate, PROTOCOLS, type RegisteredBroker } from './listener.js';

/** Longer values name no brokers: this is room for thousands of them, and a hostile value costs no time. */
const LONGEST_VALUE = 64 * 1024;

const JSON_TEXT = /^(?:[{"]|\[\s*["{\]]|(?:true|false|null)$)/;
const SCHEME = /^\s*([a-z][a-z0-9_.+-]*):\/\//i;

/**
 * The brokers that one key and its value name. With an empty value the key's last segment is the address; otherwise
 * the value decides: `host:port[,host:port]`, `LISTENER://host:port`, `{"host","port"}` with `listener`, `protocol` and
 * `rack` where they are known (Consul's endpoint too, which has them in `meta`), a JSON list of these, or the JSON that
 * a broker registers in ZooKeeper (versions 1 to 5), with a candidate for each of its endpoints.
 * @param key whole, as in `broker/kafka/10.0.0.1:9092`.
 * @param reject told, with the reason, of each address that cannot be used while another of the same key can.
 * @throws Error with the reasons when the key names no usable broker.
 */
export function decodeBrokers(
  value: Uint8Array,
  key: string,
  reject: (reason: string) => void,
): readonly RegisteredBroker[] {
  if (value.length > LONGEST_VALUE) throw new Error(`${value.length} bytes are too many to name brokers`);
  const text = parseText(value).trim();
  if (text === '') return [[addressed(addressIn(key))]];
  const found: RegisteredBroker[] = [];
  const bad: string[] = [];
  const attempt = <T>(parse: () => T): T[] => {
    try {
      return [parse()];
    } catch (error) {
      bad.push((error as Error).message);
      return [];
    }
  };
  for (const named of JSON_TEXT.test(text) ? listOf(parseJson(value)) : [text]) {
    if (typeof named !== 'string') found.push(...attempt(() => registered(named, attempt)));
    else {
      for (const piece of named.split(',')) if (piece.trim() !== '') found.push(...attempt(() => [addressed(piece)]));
    }
  }
  const usable = found.filter((candidates) => candidates.length > 0);
  if (usable.length === 0) throw new Error(bad.join('; ') || 'it names no broker');
  for (const reason of bad) reject(reason);
  return usable;
}

/** The key's last segment, with its `LISTENER://` where it has one. */
function addressIn(key: string): string {
  const scheme = key.lastIndexOf('://');
  if (scheme >= 0) return key.slice(key.lastIndexOf('/', scheme) + 1);
  const segment = key.split('/').findLast((each) => each !== '');
  if (segment === undefined) throw new Error('the value is empty, and the key names no broker');
  return segment;
}

function listOf(json: unknown): readonly unknown[] {
  return Array.isArray(json) ? json : [json];
}

/** @param map ZooKeeper's `listener_security_protocol_map`. */
function addressed(text: string, about: Partial<Candidate> = {}, map?: unknown): Candidate {
  const scheme = SCHEME.exec(text)?.[1];
  if (scheme === undefined) return { ...about, ...parseEndpoint(text) };
  const protocol = protocolOf((isObject(map) ? map[scheme] : undefined) ?? scheme);
  return { ...about, listener: scheme.toUpperCase(), ...(protocol && { protocol }), ...parseEndpoint(text) };
}

/** A broker's own registration: `host` and `port`, unless they are null and -1, and all of its `endpoints`. */
function registered(json: unknown, attempt: <T>(parse: () => T) => T[]): RegisteredBroker {
  if (!isObject(json)) throw new Error(`${quote(json)} names no broker`);
  const { host, port, endpoints, listener_security_protocol_map: map } = json;
  const about = described(json);
  const unset = host === undefined || host === null || port === null || port === -1;
  const listeners = Array.isArray(endpoints) ? endpoints.filter((each) => typeof each === 'string') : [];
  if (listeners.length === 0) {
    if (unset && typeof host !== 'string') throw new Error('the JSON has no "host"');
    return [{ ...about, ...endpointOf(host, port === undefined ? DEFAULT_PORT : port) }];
  }
  const { rack } = about;
  const candidates = listeners.flatMap((each) =>
    attempt(() => addressed(each, rack === undefined ? {} : { rack }, map)),
  );
  if (unset) return candidates;
  // ZooKeeper has the plain listener here a second time.
  const own = attempt((): Endpoint => endpointOf(host, port ?? DEFAULT_PORT));
  const listed = new Set(candidates.map(formatEndpoint));
  const more = own.filter((endpoint) => !listed.has(formatEndpoint(endpoint)));
  return [...candidates, ...more.map((endpoint) => ({ ...about, ...endpoint }))];
}

/** What a JSON says of the broker besides its address; Consul's users say it in the instance's `meta`. */
function described(json: Readonly<Record<string, unknown>>): Partial<Candidate> {
  const meta = isObject(json.meta) ? json.meta : {};
  const said = (name: string): string | undefined =>
    [json[name], meta[name]].find((each): each is string => typeof each === 'string' && each !== '');
  const [listener, protocol, rack] = [said('listener'), protocolOf(said('protocol') ?? said('listener')), said('rack')];
  return {
    ...(listener !== undefined && { listener: listener.toUpperCase() }),
    ...(protocol !== undefined && { protocol }),
    ...(rack !== undefined && { rack }),
  };
}

/** One of Kafka's; other words, as `tcp`, say nothing of how to speak to a broker. */
function protocolOf(name: unknown): string | undefined {
  const protocol = String(name).toUpperCase();
  return PROTOCOLS.includes(protocol) ? protocol : undefined;
}

function isObject(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
