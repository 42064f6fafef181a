import { resolve } from 'node:path';
import { type Adapter, invalidUrl, refuseOptions, splitUrl, targetOf } from '@rollcall/core/adapter';
import { FileSource } from './source.js';

/**
 * Watches a YAML or JSON map of keys to values, or a folder with one file a key: `file:./brokers.yaml#broker/kafka/`,
 * `file:/etc/brokers.json`, `file:///etc/brokers.d`. Without a fragment, all keys. A relative path starts at the
 * working directory of the call.
 */
export const fileAdapter: Adapter = {
  schemes: ['file'],
  parse: (url) => {
    const { authority, path, fragment } = splitUrl(url);
    if (authority !== undefined && authority !== '' && authority.toLowerCase() !== 'localhost') {
      throw invalidUrl(url, `"${authority}" would be a host, and a file has none; write file:./path or file:///path`);
    }
    const named = authority === undefined ? path : `/${path ?? ''}`;
    if (!named) throw invalidUrl(url, 'it names no file; write file:./brokers.yaml#broker/kafka/');
    if (named.includes('\0')) throw invalidUrl(url, 'a path cannot hold a NUL byte (%00)');
    return { cluster: resolve(named), target: targetOf(fragment ?? '') };
  },
  open: ({ cluster }, options) => {
    refuseOptions('A file', options, []);
    return new FileSource(cluster, options.logger);
  },
};
