import { type ConnectOptions, WatchError } from '@rollcall/core';
import {
  type Adapter,
  checkKnownOptions,
  checkTls,
  formatEndpoint,
  invalidUrl,
  type Location,
  optionNames,
  parseEndpoints,
  refuseOptions,
  splitUrl,
} from '@rollcall/core/adapter';
import { type ConsulUrl, clusterOf, consulUrl } from './http/scope.js';
import { QUERY_NAMES, targetOfUrl } from './queries/target.js';
import { ConsulSource } from './source.js';

const DEFAULT_PORT = 8500;

/** Default wait of a blocking query, ms: most load balancers end a silent request after 60 s. Consul allows 10 min. */
const DEFAULT_WAIT_MS = 55_000;
const LONGEST_WAIT_MS = 600_000;

/**
 * Half of the connections that Consul allows one client IP by default. After an outage all queries are broken off at
 * once, and Consul keeps the connection of a broken query until the query's wait is over.
 */
const CONNECTIONS = 100;

export interface ConsulAdapterOptions {
  /**
   * The longest wait of one blocking query, ms; at most 10 min. A dead link is noticed after the wait, a sixteenth of
   * it and 3 s; so are a revoked token and a restored snapshot of services, for which Consul ends no query. Default:
   * 55,000.
   */
  readonly waitMs?: number;
  /**
   * The most connections to one agent, for all watches with the same credentials and consistency. Each blocking query
   * holds one. If more targets are watched than nine tenths of this, their queries take turns. Consul allows one client
   * IP twice the default (`limits.http_max_conns_per_client`: 200). Default: 100.
   */
  readonly connections?: number;
}

const DEFAULTS = { waitMs: DEFAULT_WAIT_MS, connections: CONNECTIONS };

const KNOWN = optionNames<ConsulAdapterOptions>({ waitMs: true, connections: true });

/**
 * Makes an adapter that watches Consul by blocking queries: `consul://host:8500,host:8500/prefix/`, `?service=name`,
 * `?catalog=nodes` or `?catalog=services`; `consuls://` for TLS. A watch's `adapterOptions` (`{ waitMs, connections }`)
 * count before `options`.
 * @throws WatchError INVALID_OPTION for a wait outside 1 ms to 10 min, or fewer than two connections.
 */
export function createConsulAdapter(options: ConsulAdapterOptions = {}): Adapter {
  checkOwn('createConsulAdapter', options);
  return {
    schemes: ['consul', 'consuls'],
    credentials: ['token', 'tls'],
    parse,
    open: ({ cluster, parsed }, given) => {
      const { scheme, endpoints, scope, consistency } = parsed as ConsulUrl;
      const secure = scheme === 'consuls';
      check(scheme, given);
      checkOwn('adapterOptions', given.adapterOptions);
      const { waitMs, connections } = { ...DEFAULTS, ...options, ...given.adapterOptions };
      if (given.tls?.insecureSkipVerify) {
        given.logger.warn(
          { cluster },
          'insecureSkipVerify: the certificates of Consul are NOT verified; anybody on the way can read the token and change what is sent.',
        );
      }
      return new ConsulSource(endpoints, { ...given, secure, scope, consistency, connections, waitMs });
    },
  };
}

export const consulAdapter: Adapter = createConsulAdapter();

function parse(url: string): Location & { readonly parsed: ConsulUrl } {
  const { scheme, authority, path, query, fragment } = splitUrl(url, QUERY_NAMES);
  const endpoints = parseEndpoints(url, authority, DEFAULT_PORT).map(formatEndpoint);
  if (fragment !== undefined) throw invalidUrl(url, 'a # has no meaning here; write a literal # as %23');
  const target = targetOfUrl(url, path, query);
  const parsed = consulUrl(url, { scheme, endpoints, query });
  return { cluster: clusterOf(parsed), target, parsed };
}

/** @throws WatchError INVALID_OPTION for an option that is unknown or out of range. */
function checkOwn(where: string, options: ConsulAdapterOptions = {}): void {
  checkKnownOptions(where, options, KNOWN);
  const { waitMs, connections } = { ...DEFAULTS, ...options };
  if (!(waitMs >= 1 && waitMs <= LONGEST_WAIT_MS)) throw invalid('waitMs', `it must be 1 to ${LONGEST_WAIT_MS} ms`);
  if (!(Number.isInteger(connections) && connections >= 2)) throw invalid('connections', 'it must be at least 2');
}

/** @throws WatchError INVALID_OPTION for options that contradict each other or the URL. */
function check(scheme: string, options: ConnectOptions): void {
  const { username, password, token } = options;
  if (username !== undefined || password !== undefined) {
    throw invalid(username === undefined ? 'password' : 'username', 'Consul knows no users; give a token');
  }
  refuseOptions('Consul', options, ['token', 'tls', 'maxMessageBytes', 'maxProofAgeMs', 'adapterOptions']);
  // A token that no header can carry would fail later, in a request, with the token in the error.
  if (token !== undefined && !/^[\x21-\x7e]*$/.test(token)) {
    throw invalid('token', 'it has a space, a line break or another character that no token has');
  }
  checkTls(options, { plain: 'consul', tls: 'consuls', is: scheme });
}

function invalid(field: string, why: string): WatchError {
  return new WatchError('INVALID_OPTION', `Cannot use the option ${field}: ${why}.`);
}
