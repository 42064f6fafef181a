import { type ConnectOptions, WatchError } from '@rollcall/core';
import { type Credential, schemeOf } from '@rollcall/core/adapter';
import { readAddresses } from './addresses.js';
import { connection, firstOf } from './connection.js';
import { whyUnread } from './readText.js';

/** Environment variables, as `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment variables that a backend's own tools use. */
interface Habits {
  /** Plain text, then TLS. */
  readonly schemes: readonly [string, string];
  /** The variable with the endpoints for a URL that names none. */
  readonly endpoints: string;
  own(text: (name: string) => string | undefined): ConnectOptions;
}

const HABITS: readonly Habits[] = [
  {
    schemes: ['etcd', 'etcds'],
    endpoints: 'ETCDCTL_ENDPOINTS',
    own: (text) => etcdUser(text('ETCDCTL_USER')),
  },
  {
    schemes: ['consul', 'consuls'],
    endpoints: 'CONSUL_HTTP_ADDR',
    own: (text) => consulToken(text('CONSUL_HTTP_TOKEN')),
  },
];

/**
 * Reads credentials and TLS for one URL from the environment: only those that the URL's adapter asks for
 * (`Adapter.credentials`). ROLLCALL_USERNAME, _PASSWORD and _TOKEN, and the paths in ROLLCALL_CA, _CERT and _KEY come
 * first, then ETCDCTL_USER (`user:password`) or CONSUL_HTTP_TOKEN. An empty variable counts as unset.
 * @throws WatchError INVALID_OPTION if a file cannot be read.
 */
export function connectionFrom(
  env: Environment,
  url: string,
  credentials: readonly Credential[],
  readFile: (path: string) => string,
): ConnectOptions {
  const text = (name: string): string | undefined => env[name] || undefined;
  const pem = (name: string): string | undefined => {
    const path = text(name);
    if (path === undefined) return undefined;
    try {
      return readFile(path);
    } catch (error) {
      const why = `${name} names a file that cannot be read (${whyUnread(error)}): give the path of a PEM file.`;
      throw new WatchError('INVALID_OPTION', why);
    }
  };
  const habits = habitsOf(url);
  const asksFor = (credential: Credential): boolean => credentials.includes(credential);
  // A broken certificate of another backend must not fail a plain-text URL.
  const secure = asksFor('tls') && (habits === undefined || schemeOf(url) === habits.schemes[1]);
  const ours = connection({
    username: asksFor('username') ? text('ROLLCALL_USERNAME') : undefined,
    password: asksFor('password') ? text('ROLLCALL_PASSWORD') : undefined,
    token: asksFor('token') ? text('ROLLCALL_TOKEN') : undefined,
    ca: secure ? pem('ROLLCALL_CA') : undefined,
    cert: secure ? pem('ROLLCALL_CERT') : undefined,
    key: secure ? pem('ROLLCALL_KEY') : undefined,
  });
  return habits === undefined ? ours : firstOf(ours, habits.own(text));
}

/**
 * Fills in endpoints from ETCDCTL_ENDPOINTS or CONSUL_HTTP_ADDR if a URL has none, as `etcd:///broker/kafka/`.
 * Endpoints with `https://` make it a TLS URL.
 * @throws WatchError INVALID_OPTION as `readAddresses`.
 */
export function withEndpoints(env: Environment, url: string): string {
  const scheme = schemeOf(url) ?? '';
  const habits = habitsOf(url);
  const endpoints = habits && env[habits.endpoints];
  if (!endpoints || !/^:\/\/(?=\/|$)/.test(url.slice(scheme.length))) return url;
  const [plain, tls] = habits.schemes;
  const { hosts, secure = scheme === tls } = readAddresses(habits.endpoints, endpoints);
  return `${secure ? tls : plain}://${hosts}${url.slice(`${scheme}://`.length)}`;
}

/**
 * `${NAME}` becomes the variable's value; `$${` is a literal `${`.
 * @param unset makes the error for a name that is not set.
 */
export function substitute(text: string, env: Environment, unset: (name: string) => WatchError): string {
  return text.replace(/(\$?)\$\{([^}]*)\}/g, (whole, escaped: string, name: string) => {
    if (escaped) return whole.slice(1);
    // The name is not quoted: it may be a part of a password.
    if (!/^[a-z_][a-z0-9_]*$/i.test(name)) throw unset('with a name of letters, digits and _');
    // Own variables only: every object has a `toString`.
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (value === undefined) throw unset(name);
    return value;
  });
}

function habitsOf(url: string): Habits | undefined {
  const scheme = schemeOf(url) ?? '';
  return HABITS.find(({ schemes }) => schemes.includes(scheme));
}

function etcdUser(user: string | undefined): ConnectOptions {
  if (user === undefined) return {};
  const colon = user.indexOf(':');
  return colon < 0 ? { username: user } : { username: user.slice(0, colon), password: user.slice(colon + 1) };
}

function consulToken(token: string | undefined): ConnectOptions {
  return token === undefined ? {} : { token };
}
