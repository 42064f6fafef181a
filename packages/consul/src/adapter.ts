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

/** As long as most load balancers keep a silent request (60 s) allows. Consul itself takes up to 10 min. */
const DEFAULT_WAIT_MS = 55_000;
const LONGEST_WAIT_MS = 600_000;

/**
 * Half of what Consul allows one client IP by default: it keeps the connection of a query that was broken off until the
 * query's wait is over, and after an outage all are broken off at once.
 */
const CONNECTIONS = 100;

export interface ConsulAdapterOptions {
  /**
   * How long one blocking query may wait for a change, ms; at most 10 min. A dead link is noticed after this, a
   * sixteenth of it and 3 s. So is a token that was revoked, and a restored snapshot of services: Consul wakes nobody for them.
   * Default: 55 s.
   */
  readonly waitMs?: number;
  /**
   * The most connections to one agent, for all that is watched with the same credentials and consistency. Each blocking
   * query holds one; when more is watched than nine tenths of this, the queries take turns. Consul allows one client IP
   * twice the default (`limits.http_max_conns_per_client`: 200). Default: 100.
   */
  readonly connections?: number;
}

const DEFAULTS = { waitMs: DEFAULT_WAIT_MS, connections: CONNECTIONS };

const KNOWN = optionNames<ConsulAdapterOptions>({ waitMs: true, connections: true });

/**
 * Watches Consul by blocking queries: `consul://host:8500,host:8500/prefix/`, `?service=name`, `?catalog=nodes` or
 * `?catalog=services`; `consuls://` for TLS; `consistency` and `cached` say where answers may come from. A watch's
 * `adapterOptions` (`{ waitMs, connections }`) count before `options`.
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
  // What a header cannot carry would only fail in a request, with the token in the error.
  if (token !== undefined && !/^[\x21-\x7e]*$/.test(token)) {
    throw invalid('token', 'it has a space, a line break or another character that no token has');
  }
  checkTls(options, { plain: 'consul', tls: 'consuls', is: scheme });
}

function invalid(field: string, why: string): WatchError {
  return new WatchError('INVALID_OPTION', `Cannot use the option ${field}: ${why}.`);
}
