// @ts-check
import { Resolver } from 'node:dns/promises';
import { WatchError } from '@rollcall/core';
import {
  checkKnownOptions,
  formatEndpoint,
  invalidUrl,
  parseEndpoints,
  pollingSource,
  refuseOptions,
  splitUrl,
} from '@rollcall/core/adapter';

const DEFAULT_PORT = 53;
const DEFAULT_INTERVAL_MS = 10_000;

/** What the resolver's error codes mean. Any other is a name server that does not answer. */
const CODES = /** @type {const} */ ({
  ENOTFOUND: ['UNAVAILABLE', 'there is no such name'],
  ENODATA: ['UNAVAILABLE', 'the name has no SRV records'],
  EREFUSED: ['FORBIDDEN', 'the name server refuses the question'],
  EBADRESP: ['BAD_RESPONSE', 'the answer is no DNS'],
});

/**
 * `dns+srv:///_kafka._tcp.example.com`, or `dns+srv://10.0.0.2:53/_kafka._tcp.example.com` for a name server of your
 * own. Each record is a key, `host:port`, whose value is `{"host", "port", "priority", "weight"}`. A name that is gone is
 * an error and no empty list: whoever deletes the last record by mistake does not stop the producers.
 *
 * @type {import('@rollcall/core/adapter').Adapter}
 */
export default {
  schemes: ['dns+srv'],

  parse(url) {
    const { authority, path: name } = splitUrl(url);
    if (!name || name.endsWith('/')) throw invalidUrl(url, 'it names no SRV record, as _kafka._tcp.example.com');
    const servers = authority ? parseEndpoints(url, authority, DEFAULT_PORT).map(formatEndpoint).sort() : [];
    return { cluster: `dns+srv://${servers.join(',')}/${name}`, target: { prefix: '' }, parsed: { servers, name } };
  },

  open({ parsed }, options) {
    refuseOptions('DNS', options, ['adapterOptions']);
    checkKnownOptions('adapterOptions', options.adapterOptions, ['intervalMs']);
    const { servers, name } = /** @type {{ servers: string[], name: string }} */ (parsed);
    const resolver = new Resolver({ timeout: 2_000, tries: 2 });
    if (servers.length > 0) resolver.setServers(servers);
    const read = async () => {
      const records = await resolver.resolveSrv(name).catch((error) => {
        const [code, why] = CODES[/** @type {keyof typeof CODES} */ (error.code)] ?? ['UNREACHABLE', 'no answer'];
        throw new WatchError(code, `The SRV records of ${name} cannot be read: ${why} (${error.code}).`);
      });
      return {
        entries: records.map(({ name: host, ...rest }) => {
          const value = JSON.stringify({ host, ...rest });
          return /** @type {const} */ ([formatEndpoint({ host, port: rest.port }), value]);
        }),
      };
    };
    const intervalMs = Number(options.adapterOptions?.intervalMs ?? DEFAULT_INTERVAL_MS);
    return pollingSource(
      { intervalMs, name: `the SRV records of ${name}`, read, close: () => resolver.cancel() },
      options,
    );
  },
};
