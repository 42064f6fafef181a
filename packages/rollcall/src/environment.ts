import { type ConnectOptions, schemeOf, WatchError } from '@rollcall/core';
import { connection, firstOf } from './connection.js';

/** Environment variables, as `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

const ETCD_SCHEMES: readonly (string | undefined)[] = ['etcd', 'etcds'];

/**
 * Credentials and TLS for one URL: ROLLCALL_USERNAME, _PASSWORD and _TOKEN, the paths ROLLCALL_CA, _CERT and _KEY, and
 * for etcd ETCDCTL_USER (`user:password`). An empty variable counts as unset.
 * @throws WatchError INVALID_OPTION when a path cannot be read.
 */
export function connectionFrom(env: Environment, url: string, readFile: (path: string) => string): ConnectOptions {
  const text = (name: string): string | undefined => env[name] || undefined;
  const pem = (name: string): string | undefined => {
    const path = text(name);
    if (path === undefined) return undefined;
    try {
      return readFile(path);
    } catch (error) {
      const why = `${name} names a file that cannot be read (${(error as Error).message}): give the path of a PEM file.`;
      throw new WatchError('INVALID_OPTION', why, { cause: error });
    }
  };
  const ours = connection({
    username: text('ROLLCALL_USERNAME'),
    password: text('ROLLCALL_PASSWORD'),
    token: text('ROLLCALL_TOKEN'),
    ca: pem('ROLLCALL_CA'),
    cert: pem('ROLLCALL_CERT'),
    key: pem('ROLLCALL_KEY'),
  });
  return ETCD_SCHEMES.includes(schemeOf(url)) ? firstOf(ours, etcdUser(text('ETCDCTL_USER'))) : ours;
}

/**
 * Fills in the endpoints of ETCDCTL_ENDPOINTS where an etcd URL names none: `etcd:///broker/kafka/`. Endpoints written
 * `https://…` make it `etcds:`.
 * @throws WatchError INVALID_OPTION when they mix http and https.
 */
export function withEndpoints(env: Environment, url: string): string {
  const scheme = schemeOf(url);
  const endpoints = env.ETCDCTL_ENDPOINTS;
  const authority = `${scheme}://`.length;
  if (!endpoints || !ETCD_SCHEMES.includes(scheme) || !/^:\/\/(?=\/|$)/.test(url.slice(scheme?.length))) return url;
  const each = endpoints.split(',').map((one) => /^(?:(https?):\/\/)?(.*?)\/*$/.exec(one.trim()));
  const secure = new Set(each.map((one) => (one?.[1] === undefined ? scheme === 'etcds' : one[1] === 'https')));
  if (secure.size > 1) {
    throw new WatchError(
      'INVALID_OPTION',
      'ETCDCTL_ENDPOINTS mixes http and https endpoints: use one of them for all.',
    );
  }
  const hosts = each.map((one) => one?.[2]).join(',');
  return `${secure.has(true) ? 'etcds' : 'etcd'}://${hosts}${url.slice(authority)}`;
}

/**
 * `${NAME}` becomes the variable's value; `$${` is a literal `${`.
 * @param unset makes the error for a name that is not set.
 */
export function substitute(text: string, env: Environment, unset: (name: string) => WatchError): string {
  return text.replace(/(\$?)\$\{([^}]*)\}/g, (whole, escaped: string, name: string) => {
    if (escaped) return whole.slice(1);
    const value = env[name];
    if (value === undefined) throw unset(name);
    return value;
  });
}

function etcdUser(user: string | undefined): ConnectOptions {
  if (user === undefined) return {};
  const colon = user.indexOf(':');
  return colon < 0 ? { username: user } : { username: user.slice(0, colon), password: user.slice(colon + 1) };
}
