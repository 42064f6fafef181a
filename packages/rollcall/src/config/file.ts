import { WatchError } from '@rollcall/core';
import type { Adapter } from '@rollcall/core/adapter';
import { locate } from '@rollcall/core/internal';
import { checkConfig, type NamedWatches, parseConfig, type RollcallConfig } from './config.js';
import { type Environment, withEndpoints } from './environment.js';
import { readText } from './readText.js';

/** The text of a `rollcall.yaml` that cannot be read a second time, as from a pipe, and what messages call it. */
export interface ConfigText {
  readonly file: string;
  readonly text: string;
}

/**
 * The watches of a configuration: of the file at a path, as it is now, of a text, or of an object.
 * @throws WatchError INVALID_OPTION naming file, line, key and the fix.
 */
export function loadConfig(
  config: string | ConfigText | RollcallConfig | undefined,
  env: Environment,
  adapters: readonly Adapter[],
): NamedWatches {
  if (config === undefined) return new Map();
  const checkUrl = (url: string): void => void locate(adapters, withEndpoints(env, url));
  const inputs = { env, readFile: readText, checkUrl };
  if (typeof config === 'string') return parseConfig(readConfig(config), config, inputs);
  return 'text' in config ? parseConfig(config.text, config.file, inputs) : checkConfig(config, inputs);
}

function readConfig(path: string): string {
  try {
    return readText(path);
  } catch (error) {
    const why = `The configuration file ${path} cannot be read (${(error as Error).message}): check its path.`;
    throw new WatchError('INVALID_OPTION', why, { cause: error });
  }
}
