import {
  type Adapter,
  type ConnectOptions,
  formatEndpoint,
  invalidUrl,
  type Location,
  parseEndpoints,
  splitUrl,
  targetOf,
  WatchError,
} from '@rollcall/core';
import { EtcdSource } from './source.js';

const DEFAULT_PORT = 2379;
/** Above what a server takes in one request unless it is told otherwise (--max-request-bytes, 1.5 MiB). */
const LEAST_MESSAGE_BYTES = 2 * 1024 * 1024;

/** Watches keys in etcd v3: `etcd://host:2379,host:2379/prefix/`, or `etcds://` for TLS. */
export const etcdAdapter: Adapter = {
  schemes: ['etcd', 'etcds'],

  parse(url): Location {
    const { scheme, authority, path, fragment } = splitUrl(url);
    const endpoints = parseEndpoints(url, authority, DEFAULT_PORT).map(formatEndpoint);
    if (fragment !== undefined) throw invalidUrl(url, 'a # has no meaning here; write a literal # as %23');
    if (path === undefined) {
      throw invalidUrl(url, `it has no path; write ${scheme}://${authority}/ to watch everything`);
    }
    const sorted = [...new Set(endpoints)].sort();
    return { cluster: `${scheme}://${sorted.join(',')}`, target: targetOf(path) };
  },

  open({ cluster }, options) {
    const [scheme, endpoints = ''] = cluster.split('://');
    const secure = scheme === 'etcds';
    check(secure, options);
    if (options.tls?.insecureSkipVerify) {
      options.logger.warn(
        { cluster },
        'insecureSkipVerify: the certificates of etcd are NOT verified; anybody on the way can read and change what is sent.',
      );
    }
    return new EtcdSource(endpoints.split(','), { ...options, secure });
  },
};

/** @throws WatchError INVALID_OPTION for options that contradict each other or the URL. */
function check(secure: boolean, { username, password, tls, maxMessageBytes }: ConnectOptions): void {
  if (
    maxMessageBytes !== undefined &&
    !(Number.isSafeInteger(maxMessageBytes) && maxMessageBytes >= LEAST_MESSAGE_BYTES)
  ) {
    throw invalid('maxMessageBytes', `it must be a whole number of at least ${LEAST_MESSAGE_BYTES}`);
  }
  if (username !== undefined && password === undefined) throw invalid('username', 'it needs a password beside it');
  if (password !== undefined && username === undefined) throw invalid('password', 'it needs a username beside it');
  if (tls === undefined) return;
  if (!secure) throw invalid('tls', 'etcd:// speaks plain text; write etcds:// for TLS');
  for (const field of ['ca', 'cert', 'key'] as const) {
    // Node takes a CA that is none for an empty one.
    if (tls[field]?.includes('-----BEGIN ') === false)
      throw invalid(`tls.${field}`, 'it must be a PEM text, not a path');
  }
  if (tls.cert !== undefined && tls.key === undefined) throw invalid('tls.cert', 'it needs tls.key beside it');
  if (tls.key !== undefined && tls.cert === undefined) throw invalid('tls.key', 'it needs tls.cert beside it');
}

function invalid(field: string, why: string): WatchError {
  return new WatchError('INVALID_OPTION', `Cannot use the option ${field}: ${why}.`);
}
