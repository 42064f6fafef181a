import { type Endpoint, parseJson, parseText } from '@rollcall/core';
import { DEFAULT_PORT, endpointOf, parseEndpoint, quote } from './endpoint.js';

/** Longer values name no brokers: this is room for thousands of them, and a hostile value costs no time. */
const LONGEST_VALUE = 64 * 1024;

const JSON_TEXT = /^(?:[{"]|\[\s*["{\]]|(?:true|false|null)$)/;

/**
 * Which listener of a broker to take when its registration leaves it open: the first by what a client with the least
 * configuration can speak. The same order for all brokers, so that a list never mixes protocols that all of them offer.
 */
const PROTOCOLS = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'];

/**
 * The brokers that one key and its value name. With an empty value the key's last segment is the address; otherwise
 * the value decides: `host:port[,host:port]`, `PROTOCOL://host:port`, `{"host","port"}` (Consul's endpoint too), a JSON
 * list of these, or the JSON that a broker registers in ZooKeeper (versions 1 to 5).
 * @param key whole, as in `broker/kafka/10.0.0.1:9092`.
 * @param reject told, with the reason, of each address that cannot be used while another of the same key can.
 * @throws Error with the reasons when the key names no usable broker.
 */
export function decodeBrokers(value: Uint8Array, key: string, reject: (reason: string) => void): readonly Endpoint[] {
  if (value.length > LONGEST_VALUE) throw new Error(`${value.length} bytes are too many to name brokers`);
  const text = parseText(value).trim();
  if (text === '') return [parseEndpoint(addressIn(key))];
  const found: Endpoint[] = [];
  const bad: string[] = [];
  const from = (parse: () => Endpoint): void => {
    try {
      found.push(parse());
    } catch (error) {
      bad.push((error as Error).message);
    }
  };
  for (const named of JSON_TEXT.test(text) ? listOf(parseJson(value)) : [text]) {
    if (typeof named !== 'string') from(() => registered(named));
    else for (const piece of named.split(',')) if (piece.trim() !== '') from(() => parseEndpoint(piece));
  }
  if (found.length === 0) throw new Error(bad.join('; ') || 'it names no broker');
  for (const reason of bad) reject(reason);
  return found;
}

/** The key's last segment, with its `PROTOCOL://` where it has one. */
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

/** A broker's own registration: `host` and `port`, or where they are null and -1, one of its `endpoints`. */
function registered(json: unknown): Endpoint {
  if (!isObject(json)) throw new Error(`${quote(json)} names no broker`);
  const { host, port, endpoints, listener_security_protocol_map: map } = json;
  const unset = host === undefined || host === null || port === null || port === -1;
  if (!unset) return endpointOf(host, port ?? DEFAULT_PORT);
  const listeners = Array.isArray(endpoints) ? endpoints.filter((each) => typeof each === 'string') : [];
  if (listeners.length === 0) {
    if (typeof host === 'string') return endpointOf(host, port);
    throw new Error('the JSON has no "host"');
  }
  const rank = (listener: string): number => {
    const name = listener.slice(0, Math.max(0, listener.indexOf('://')));
    const at = PROTOCOLS.indexOf(String(isObject(map) ? (map[name] ?? name) : name).toUpperCase());
    return at < 0 ? PROTOCOLS.length : at;
  };
  // Sorting is stable: of two with one protocol, the broker's own first one.
  return parseEndpoint(listeners.sort((a, b) => rank(a) - rank(b))[0] ?? '');
}

function isObject(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
