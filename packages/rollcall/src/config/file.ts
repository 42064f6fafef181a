import { readFileSync } from 'node:fs';
import { type Adapter, locate, WatchError } from '@rollcall/core';
import { checkConfig, type NamedWatches, parseConfig, type RollcallConfig } from './config.js';
import { type Environment, withEndpoints } from './environment.js';

/**
 * The watches of a configuration: of the file at a path, as it is now, or of an object.
 * @throws WatchError INVALID_OPTION naming file, line, key and the fix.
 */
export function loadConfig(
  config: string | RollcallConfig | undefined,
  env: Environment,
  adapters: readonly Adapter[],
): NamedWatches {
  if (config === undefined) return new Map();
  const checkUrl = (url: string): void => void locate(adapters, withEndpoints(env, url));
  if (typeof config !== 'string') return checkConfig(config, { readFile: readText, checkUrl });
  return parseConfig(readConfig(config), config, { env, readFile: readText, checkUrl });
}

export function readText(path: string): string {
  return readFileSync(path, 'utf8');
}

function readConfig(path: string): string {
  try {
    return readText(path);
  } catch (error) {
    const why = `The configuration file ${path} cannot be read (${(error as Error).message}): check its path.`;
    throw new WatchError('INVALID_OPTION', why, { cause: error });
  }
}
