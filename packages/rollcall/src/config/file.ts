import { WatchError } from '@rollcall/core';
import type { Adapter } from '@rollcall/core/adapter';
import { locate } from '@rollcall/core/internal';
import { type Configuration, checkConfig, parseConfig, type RollcallConfig } from './config.js';
import { type Environment, withEndpoints } from './environment.js';
import { loadAdapters } from './loadAdapters.js';
import { readText } from './readText.js';

/** The text of a `rollcall.yaml` that can be read only once, as from a pipe; `file` is its name in messages. */
export interface ConfigText {
  readonly file: string;
  readonly text: string;
}

/**
 * Reads a configuration: the file at a path, as it is now, a text, or an object.
 * @param builtIn the adapters that need no `adapters:`.
 * @throws WatchError INVALID_OPTION naming file, line, key and the fix.
 */
export function loadConfig(
  config: string | ConfigText | RollcallConfig | undefined,
  env: Environment,
  builtIn: readonly Adapter[],
): Configuration {
  if (config === undefined) return { watches: new Map(), adapters: [] };
  const checkUrl = (url: string, adapters: readonly Adapter[]): void =>
    void locate([...adapters, ...builtIn], withEndpoints(env, url));
  const inputs = { env, readFile: readText, loadAdapters, checkUrl };
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
