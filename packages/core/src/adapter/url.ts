import { WatchError } from '../model/errors.js';
import { keyFromBytes } from '../model/keys.js';
import type { Target } from './source.js';

/**
 * The parts of a source URL. The parser is our own: WHATWG's rejects several hosts, folds `a/../b`, and puts the input,
 * with a password, into its error.
 */
export interface UrlParts {
  readonly scheme: string;
  /** What stands between `//` and the path; undefined without `//` (`file:./x`, `memory:x`). */
  readonly authority: string | undefined;
  /** The path, percent-decoded, after the URL's own slash; undefined if there is no path at all. */
  readonly path: string | undefined;
  /** The query, percent-decoded. Each name at most once, unless it is repeatable. */
  readonly query: Readonly<Record<string, readonly string[]>>;
  /** The text after `#`, percent-decoded. */
  readonly fragment: string | undefined;
}

/** The query names that a scheme has. */
export interface QueryNames {
  readonly single?: readonly string[];
  readonly repeatable?: readonly string[];
  /** Accepts every name, repeated or not: the adapter checks them itself. */
  readonly any?: true;
}

export interface Endpoint {
  /** Lower case; an IPv6 address without its brackets. */
  readonly host: string;
  readonly port: number;
}

const SCHEME = /^([a-z][a-z0-9+.-]*):/i;
const SECRET_NAME = /token|passw|passphrase|^pass$|pwd|secret|credential|api_?key/i;
const ENDPOINT = /^(?:\[([0-9a-f:.]+)\]|([^:[\]\s]+))(?::([^:]*))?$/i;
const PORT = /^\d{1,5}$/;

/** The scheme in lower case; undefined if the text has none. */
export function schemeOf(url: string): string | undefined {
  return SCHEME.exec(url)?.[1]?.toLowerCase();
}

/**
 * Splits a source URL and percent-decodes its parts, once.
 * @throws WatchError INVALID_URL for a broken escape, user info, a secret, or a query name that is unknown or repeated.
 */
export function splitUrl(url: string, names: QueryNames = {}): UrlParts {
  const scheme = schemeOf(url);
  if (scheme === undefined) throw invalidUrl(url, 'it does not begin with a scheme such as etcd:// or file:');
  let rest = url.slice(scheme.length + 1);
  const [beforeFragment, rawFragment] = cut(rest, '#');
  const [beforeQuery, rawQuery] = cut(beforeFragment, '?');
  rest = beforeQuery;
  let authority: string | undefined;
  let rawPath: string | undefined = rest;
  if (rest.startsWith('//')) {
    const slash = rest.indexOf('/', 2);
    authority = slash < 0 ? rest.slice(2) : rest.slice(2, slash);
    rawPath = slash < 0 ? undefined : rest.slice(slash + 1);
    if (userInfoEnd(url.slice(scheme.length + 3)) >= 0) {
      throw invalidUrl(
        url,
        'user and password do not belong in a URL; pass them as options, in rollcall.yaml or as ROLLCALL_USERNAME and ROLLCALL_PASSWORD',
      );
    }
  }
  return {
    scheme,
    authority,
    path: rawPath === undefined ? undefined : decode(url, rawPath),
    query: parseQuery(url, rawQuery, names),
    fragment: rawFragment === undefined ? undefined : decode(url, rawFragment),
  };
}

/**
 * Reads `host:port,host:port`; each port is optional.
 * @throws WatchError INVALID_URL for a missing host or a port outside 1 to 65535.
 */
export function parseEndpoints(url: string, authority: string | undefined, defaultPort: number): readonly Endpoint[] {
  if (!authority) throw invalidUrl(url, `it names no host; write ${schemeOf(url)}://127.0.0.1:${defaultPort}/`);
  return authority.split(',').map((text) => {
    const match = ENDPOINT.exec(text.trim());
    const host = match?.[1] ?? match?.[2];
    if (host === undefined) throw invalidUrl(url, `"${text}" is not host:port (an IPv6 address needs brackets)`);
    const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
    if ((match?.[3] !== undefined && !PORT.test(match[3])) || port < 1 || port > 65535) {
      throw invalidUrl(url, `"${match?.[3]}" is not a port; it must be a number from 1 to 65535`);
    }
    return { host: host.toLowerCase(), port };
  });
}

/** Writes `host:port`, with an IPv6 host in brackets. */
export function formatEndpoint({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The target of a path: a prefix if the path is empty or ends in `/`, otherwise one exact key. */
export function targetOf(path: string): Target {
  return path === '' || path.endsWith('/') ? { prefix: path } : { prefix: path, exact: true };
}

/** The URL for messages: user info and values of secret-looking query names become `***`. */
export function redactUrl(url: string): string {
  const clean = withoutUserInfo(url);
  return clean.replace(/([?&#])([^=&#]*)=([^&#]*)/g, (whole, mark: string, name: string) =>
    SECRET_NAME.test(unescaped(name)) ? `${mark}${name}=***` : whole,
  );
}

/** The URL without the text before an `@` that can only be user info or a slip in writing it. */
function withoutUserInfo(url: string): string {
  const start = /^[a-z][a-z0-9+.-]*:(?:\/\/)?/i.exec(url)?.[0] ?? '';
  const rest = url.slice(start.length);
  if (!partWithoutAt(start, rest).includes('@')) return url;
  return `${start}***${rest.slice(rest.lastIndexOf('@'))}`;
}

/** The part of the URL in which an `@` can only follow user info. In a well-formed URL that is the query. */
function partWithoutAt(start: string, rest: string): string {
  const hasSlashes = start.endsWith('//');
  if (hasSlashes && userInfoEnd(rest) >= 0) return rest;
  if (/^(?:file|memory):/i.test(start)) return cut(cut(rest, '#')[0], '?')[1] ?? '';
  const namesHosts = hasSlashes && !rest.startsWith('/');
  return namesHosts ? rest.slice(rest.search(/[?#]|$/)) : rest;
}

/**
 * Makes an INVALID_URL error, which quotes the URL without its secrets. @param why as a part of a sentence: `it has no
 * path`.
 */
export function invalidUrl(url: string, why: string): WatchError {
  return new WatchError('INVALID_URL', `Cannot use the URL "${redactUrl(url)}": ${why}.`);
}

/**
 * The position of the `@` after user info, in the text after `//`; -1 if there is none. A password with a bare `/`, `?`
 * or `#` cuts the authority short: if the authority is then no list of hosts, a later `@` counts.
 */
function userInfoEnd(rest: string): number {
  const authority = /^[^/?#]*/.exec(rest)?.[0] ?? '';
  if (authority.includes('@')) return authority.lastIndexOf('@');
  const isHosts = authority.split(',').every((text) => text === '' || isEndpoint(text));
  return isHosts ? -1 : rest.lastIndexOf('@');
}

function isEndpoint(text: string): boolean {
  const match = ENDPOINT.exec(text.trim());
  return match !== null && (match[3] === undefined || PORT.test(match[3]));
}

/** Decodes percent escapes of ASCII, to look at a name; broken escapes stay. */
function unescaped(text: string): string {
  return text.replace(/%([0-7][0-9a-f])/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

function cut(text: string, mark: string): [string, string | undefined] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function parseQuery(url: string, raw: string | undefined, names: QueryNames): Record<string, readonly string[]> {
  const query = new Map<string, string[]>();
  for (const pair of raw ? raw.split('&') : []) {
    const [rawName, rawValue] = cut(pair, '=');
    const name = decode(url, rawName);
    if (SECRET_NAME.test(name)) {
      throw invalidUrl(
        url,
        `"${name}" does not belong in a URL; pass secrets as options, in rollcall.yaml or in the environment`,
      );
    }
    const repeatable = names.any ?? names.repeatable?.includes(name) ?? false;
    if (!repeatable && !names.single?.includes(name)) {
      const known = [...(names.single ?? []), ...(names.repeatable ?? [])];
      throw invalidUrl(
        url,
        `"${name}" is not a query name here; ${known.length > 0 ? `known: ${known.join(', ')}` : 'this scheme has none (write a literal ? as %3F)'}`,
      );
    }
    const values = query.get(name) ?? [];
    if (values.length > 0 && !repeatable) throw invalidUrl(url, `"${name}" is given twice`);
    query.set(name, [...values, decode(url, rawValue ?? '')]);
  }
  return Object.fromEntries(query);
}

function decode(url: string, text: string): string {
  if (!text.includes('%')) return text;
  const bytes: Buffer[] = [];
  for (const part of text.split(/(%[0-9a-f]{2})/i)) {
    if (/^%[0-9a-f]{2}$/i.test(part)) bytes.push(Buffer.from(part.slice(1), 'hex'));
    else if (part.includes('%'))
      throw invalidUrl(url, `"${part}" has a % that is not followed by two hex digits; write a literal % as %25`);
    else bytes.push(Buffer.from(part));
  }
  return keyFromBytes(Buffer.concat(bytes));
}
