import { WatchError } from '../model/errors.js';
import { checkKnownOptions, optionNames } from '../model/knownOptions.js';
import type { Watcher } from '../model/types.js';
import type { Collection, SingleCollection } from './collection.js';
import type { Shown } from './decode.js';
import type { CollectOptions, SingleOptions } from './options.js';
import { CollectionView } from './view.js';

const KNOWN = optionNames<Record<keyof CollectOptions<unknown> | keyof SingleOptions<unknown>, unknown>>({
  schema: true,
  format: true,
  decode: true,
  onItem: true,
  quietMs: true,
  maxQuietMs: true,
  guard: true,
  prefix: true,
  folders: true,
  single: true,
  logger: true,
  timing: true,
});

/**
 * Makes a collection: the watcher's keys as typed, validated items. Any number of collections share the watcher's one
 * watch. It ends with the watcher, or when it is closed.
 * @throws WatchError INVALID_OPTION.
 */
export function collect<T, U = T>(watcher: Watcher, options: SingleOptions<T, U>): SingleCollection<Shown<T, U>>;
export function collect<T, U = T>(watcher: Watcher, options: CollectOptions<T, U>): Collection<Shown<T, U>>;
export function collect<T, U = T>(
  watcher: Watcher,
  options: CollectOptions<T, U> | SingleOptions<T, U>,
): SingleCollection<Shown<T, U>> {
  checkKnownOptions('collect', options, KNOWN);
  if ((options.schema === undefined) === (options.decode === undefined)) {
    throw new WatchError('INVALID_OPTION', 'A collection needs either "schema" or "decode", and not both.');
  }
  if (options.format !== undefined && !['json', 'text', 'bytes'].includes(options.format)) {
    throw new WatchError('INVALID_OPTION', `"format" must be json, text or bytes; it is ${options.format}.`);
  }
  if (options.prefix !== undefined && options.single !== undefined) {
    throw new WatchError('INVALID_OPTION', 'A collection takes "prefix" or "single", not both.');
  }
  return new CollectionView(watcher, options);
}
