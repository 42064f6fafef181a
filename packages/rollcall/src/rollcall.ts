import { readFileSync } from 'node:fs';
import {
  type Adapter,
  createRegistry,
  type Logger,
  type Registry,
  schemeOf,
  type Timing,
  WatchError,
  type WatchOptions,
} from '@rollcall/core';
import { builtInAdapters } from './adapters.js';
import { checkConfig, type NamedWatches, parseConfig, type RollcallConfig } from './config.js';
import { firstOf } from './connection.js';
import { connectionFrom, type Environment, withEndpoints } from './environment.js';

export interface RollcallOptions {
  /** Named watches: the path of a `rollcall.yaml`, read once, or its content as an object. */
  readonly config?: string | RollcallConfig;
  /** Further backends. One with a built-in backend's scheme takes its place. */
  readonly adapters?: readonly Adapter[];
  /** Any pino-compatible logger. Default: silent. */
  readonly logger?: Logger;
  /** Credentials, and `${NAME}` in the configuration, come from here. Default: `process.env`. */
  readonly env?: Environment;
  /** Clock, timers and randomness. Default: the system's. */
  readonly timing?: Timing;
}

/** Watches by URL or by name; shares connections and watches by reference count. */
export type Rollcall = Registry;

/**
 * The library with its built-in backends: file, memory and etcd, each of which loads its client when it is first used.
 * A watch connects with the options it is given, else with the configuration's, else with the environment's.
 * @throws WatchError INVALID_OPTION when the configuration cannot be read or used; the message names file, line and key.
 */
export function createRollcall(options: RollcallOptions = {}): Rollcall {
  const { config, adapters = [], logger, timing, env = process.env } = options;
  const watches: NamedWatches = config === undefined ? new Map() : load(config, env);
  return createRegistry({
    adapters: [...adapters, ...builtInAdapters()],
    ...(logger === undefined ? {} : { logger }),
    ...(timing === undefined ? {} : { timing }),
    resolve: (urlOrName) => {
      const named = watches.get(urlOrName);
      if (named === undefined && schemeOf(urlOrName) === undefined) throw unknownName(urlOrName, watches, config);
      const url = withEndpoints(env, named?.url ?? urlOrName);
      const connect = firstOf(named?.connect ?? {}, connectionFrom(env, url, readText));
      const watch: WatchOptions = named?.prefix === undefined ? connect : { ...connect, prefix: named.prefix };
      return { url, options: watch };
    },
  });
}

function load(config: string | RollcallConfig, env: Environment): NamedWatches {
  if (typeof config !== 'string') return checkConfig(config, { readFile: readText });
  let text: string;
  try {
    text = readText(config);
  } catch (error) {
    const why = `The configuration file ${config} cannot be read (${(error as Error).message}): check its path.`;
    throw new WatchError('INVALID_OPTION', why, { cause: error });
  }
  return parseConfig(text, config, { env, readFile: readText });
}

function readText(path: string): string {
  return readFileSync(path, 'utf8');
}

function unknownName(name: string, watches: NamedWatches, config: RollcallOptions['config']): WatchError {
  const names = [...watches.keys()].join(', ') || 'nothing';
  const known = `${typeof config === 'string' ? config : 'the configuration'} names ${names}`;
  const why = config === undefined ? 'a name needs a configuration such as rollcall.yaml' : known;
  const fix = 'A URL begins with its backend: etcd://127.0.0.1:2379/broker/kafka/ or file:./brokers.yaml#broker/kafka/';
  return new WatchError('INVALID_URL', `"${name}" is neither a URL nor a known name (${why}). ${fix}.`);
}
