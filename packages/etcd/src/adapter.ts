import { type ConnectOptions, WatchError } from '@rollcall/core';
import {
  type Adapter,
  checkTls,
  formatEndpoint,
  invalidUrl,
  type Location,
  parseEndpoints,
  refuseOptions,
  splitUrl,
  targetOf,
} from '@rollcall/core/adapter';
import { EtcdSource } from './source.js';

const DEFAULT_PORT = 2379;

/** What `open` needs of a URL. */
interface EtcdUrl {
  readonly scheme: string;
  /** `host:port`, sorted, each once. */
  readonly endpoints: readonly string[];
}

/** Watches keys in etcd v3: `etcd://host:2379,host:2379/prefix/`, or `etcds://` for TLS. */
export const etcdAdapter: Adapter = {
  schemes: ['etcd', 'etcds'],
  credentials: ['username', 'password', 'tls'],

  parse(url): Location & { readonly parsed: EtcdUrl } {
    const { scheme, authority, path, fragment } = splitUrl(url);
    const endpoints = parseEndpoints(url, authority, DEFAULT_PORT).map(formatEndpoint);
    if (fragment !== undefined) throw invalidUrl(url, 'a # has no meaning here; write a literal # as %23');
    if (path === undefined) {
      throw invalidUrl(url, `it has no path; write ${scheme}://${authority}/ to watch everything`);
    }
    const sorted = [...new Set(endpoints)].sort();
    const cluster = `${scheme}://${sorted.join(',')}`;
    return { cluster, target: targetOf(path), parsed: { scheme, endpoints: sorted } };
  },

  open({ cluster, parsed }, options) {
    const { scheme, endpoints } = parsed as EtcdUrl;
    check(scheme, options);
    if (options.tls?.insecureSkipVerify) {
      options.logger.warn(
        { cluster },
        'insecureSkipVerify: the certificates of etcd are NOT verified; anybody on the way can read and change what is sent.',
      );
    }
    return new EtcdSource(endpoints, { ...options, secure: scheme === 'etcds' });
  },
};

/** @throws WatchError INVALID_OPTION for options that contradict each other or the URL. */
function check(scheme: string, options: ConnectOptions): void {
  refuseOptions('etcd', options, ['username', 'password', 'tls', 'maxMessageBytes', 'maxProofAgeMs']);
  const { username, password } = options;
  if (username !== undefined && password === undefined) throw invalid('username', 'it needs a password beside it');
  if (password !== undefined && username === undefined) throw invalid('password', 'it needs a username beside it');
  checkTls(options, { plain: 'etcd', tls: 'etcds', is: scheme });
}

function invalid(field: string, why: string): WatchError {
  return new WatchError('INVALID_OPTION', `Cannot use the option ${field}: ${why}.`);
}
