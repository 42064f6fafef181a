// @ts-check
import { WatchError } from '@rollcall/core';
import {
  checkKnownOptions,
  formatEndpoint,
  httpFailure,
  invalidUrl,
  parseEndpoints,
  pollingSource,
  refuseOptions,
  splitUrl,
  targetOf,
} from '@rollcall/core/adapter';

const DEFAULT_PORT = 8080;
const DEFAULT_INTERVAL_MS = 1_000;

/** @param {unknown} keys as parsed from JSON @returns {keys is Record<string, string>} */
const isTexts = (keys) =>
  Object.prototype.toString.call(keys) === '[object Object]' &&
  Object.values(/** @type {object} */ (keys)).every((value) => typeof value === 'string');

/**
 * `registry://host:8080/prefix/`: the keys of a registry that answers `GET /keys` with
 * `{"revision": 7, "keys": {"prefix/a": "<base64>"}}` and an ETag. The option `intervalMs` says how often it is asked.
 *
 * @type {import('@rollcall/core/adapter').Adapter}
 */
export default {
  schemes: ['registry'],
  credentials: ['token'],

  parse(url) {
    const { authority, path } = splitUrl(url);
    const [endpoint, ...others] = parseEndpoints(url, authority, DEFAULT_PORT).map(formatEndpoint);
    if (others.length > 0) throw invalidUrl(url, 'it names several hosts, and this backend has one');
    if (path === undefined) throw invalidUrl(url, 'it has no path; end it with / to watch all keys');
    return { cluster: `registry://${endpoint}`, target: targetOf(path), parsed: endpoint };
  },

  open({ parsed: endpoint }, options) {
    refuseOptions('The registry', options, ['token', 'adapterOptions']);
    checkKnownOptions('adapterOptions', options.adapterOptions, ['intervalMs']);
    const { token, timing, adapterOptions = {} } = options;
    const name = `the registry at ${endpoint}`;
    const read = async (/** @type {string | undefined} */ tag, /** @type {AbortSignal} */ signal) => {
      const headers = {
        connection: 'close', // Otherwise fetch keeps the socket for some seconds after the source is closed.
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(tag !== undefined && { 'if-none-match': tag }),
      };
      const response = await fetch(`http://${endpoint}/keys`, { headers, signal });
      if (response.status === 304) return 'unchanged';
      if (response.status !== 200) throw httpFailure(response, name, timing.wallNow());
      const { revision, keys } = /** @type {any} */ ((await response.json()) ?? {});
      if (!isTexts(keys)) throw new WatchError('BAD_RESPONSE', `No keys came from ${name}.`);
      const entries = new Map(Object.entries(keys).map(([key, base64]) => [key, Buffer.from(base64, 'base64')]));
      return { revision: String(revision), entries, tag: response.headers.get('etag') ?? '' };
    };
    const intervalMs = Number(adapterOptions.intervalMs ?? DEFAULT_INTERVAL_MS);
    return pollingSource({ intervalMs, name, read: (_, { tag, signal }) => read(tag, signal) }, options);
  },
};
