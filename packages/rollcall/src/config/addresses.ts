import { WatchError } from '@rollcall/core';

/** The endpoints of a variable: `host:port` each, and whether they use TLS, if the variable says so. */
export interface Addresses {
  readonly hosts: readonly string[];
  readonly secure: boolean | undefined;
}

/**
 * Reads CONSUL_HTTP_ADDR or ETCDCTL_ENDPOINTS: a list of `host:port`, each with or without a scheme.
 * @param variable its name, for messages: the user did not write the URL that it becomes a part of.
 * @throws WatchError INVALID_OPTION for a Unix socket, a path, or http mixed with https.
 */
export function readAddresses(variable: string, text: string): Addresses {
  // etcdctl prints its endpoints as [a,b], and accepts that form.
  const each = text
    .trim()
    .replace(/^\[(.*,.*)\]$/s, '$1')
    .split(',')
    .map((one) => readAddress(variable, one.trim()));
  const [first] = each;
  if (each.some(({ secure }) => secure !== first?.secure)) {
    throw invalid(variable, 'mixes http and https endpoints: use one of them for all');
  }
  return { hosts: each.map(({ host }) => host), secure: first?.secure };
}

function readAddress(variable: string, text: string): { readonly host: string; readonly secure: boolean | undefined } {
  const [, scheme, rest = ''] = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(.*)$/is.exec(text) ?? [];
  const kind = scheme?.toLowerCase();
  if (kind === 'unix' || (kind === undefined && rest.startsWith('/'))) {
    throw invalid(variable, 'names a Unix socket, which cannot be connected to: give host:port');
  }
  if (kind !== undefined && !['http', 'https', 'tcp'].includes(kind)) {
    throw invalid(variable, `begins with ${kind}://: give host:port, http://host:port or https://host:port`);
  }
  const [host = '', ...path] = rest.split('/');
  if (path.some((part) => part !== '')) {
    throw invalid(variable, 'has a path behind the port, which is not supported: give host:port');
  }
  if (host === '' || /[\s?#@]/.test(host)) throw invalid(variable, 'holds an address that is not host:port');
  return { host, secure: kind === 'https' ? true : kind === 'http' ? false : undefined };
}

function invalid(variable: string, why: string): WatchError {
  return new WatchError('INVALID_OPTION', `The environment variable ${variable} ${why}.`);
}
