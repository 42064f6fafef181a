import { resolve as absolute } from 'node:path';
import {
  createRegistry,
  type Logger,
  type OpenedSource,
  type Registry,
  systemTiming,
  type Timing,
  WatchError,
  type Watcher,
  type WatchOptions,
} from '@rollcall/core';
import { type Adapter, type Credential, checkKnownOptions, optionNames, schemeOf } from '@rollcall/core/adapter';
import { guardedLogger, silentLogger } from '@rollcall/core/internal';
import type { BrokerListOptions } from '@rollcall/kafka';
import { fileAdapter } from '@rollcall/local';
import { builtInAdapters } from './adapters.js';
import {
  type Configuration,
  type NamedWatches,
  type RollcallConfig,
  summaryOf,
  type WatchSummary,
} from './config/config.js';
import { firstOf } from './config/connection.js';
import { connectionFrom, type Environment, withEndpoints } from './config/environment.js';
import { type ConfigText, loadConfig } from './config/file.js';
import { Followers } from './config/followers.js';
import { loadAdapters } from './config/loadAdapters.js';
import { readText } from './config/readText.js';

export interface RollcallOptions {
  /**
   * Named watches: the path of a `rollcall.yaml`, its text, or its content as an object. A file is followed: an edit
   * moves the open watches whose entries it changes.
   */
  readonly config?: string | ConfigText | RollcallConfig;
  /**
   * Further backends: adapters, or names of packages that export one as `default`, found from the working directory. An
   * adapter with a built-in scheme replaces the built-in one.
   */
  readonly adapters?: readonly (Adapter | string)[];
  /** Any pino-compatible logger. Default: silent, except for one process warning if nothing has answered for 10 s. */
  readonly logger?: Logger;
  /** The environment: credentials, and `${NAME}` in the configuration. Default: `process.env`. */
  readonly env?: Environment;
  /** Clock, timers and randomness. Default: the system's. */
  readonly timing?: Timing;
}

const KNOWN = optionNames<RollcallOptions>({ config: true, adapters: true, logger: true, env: true, timing: true });

/** Watches by URL or by name. Equal watches share connections and state. */
export interface Rollcall extends Registry {
  /**
   * Reads the configuration file again, as an edit of it does, and starts to move the watches whose entries have
   * changed. Does nothing without a file.
   * @throws WatchError INVALID_OPTION that names file, line and key; then the old configuration stays.
   */
  reload(): void;
  /** The configured watches by name, without secrets. */
  readonly watches: ReadonlyMap<string, WatchSummary>;
  /** The `brokers` policy of a name, for `brokerList(watcher, options)`; empty if it has none. */
  brokerOptions(urlOrName: string): BrokerListOptions;
}

/**
 * Makes an instance with the built-in backends; each loads its client at its first use. Options of a watch count first,
 * then the configuration's, then the environment's.
 * @throws WatchError INVALID_OPTION if the configuration cannot be read or used; the message names file, line and key.
 */
export function createRollcall(options: RollcallOptions = {}): Rollcall {
  return new ConfiguredRollcall(options);
}

class ConfiguredRollcall implements Rollcall {
  readonly #config: string | ConfigText | RollcallConfig | undefined;
  readonly #env: Environment;
  /** The caller's and the built-in ones. */
  readonly #ownAdapters: readonly Adapter[];
  readonly #logger: Logger;
  readonly #registry: Registry;
  /** Watches the configuration file. It has no logger: problems of the file are reported by reading it. */
  readonly #ownFiles: Registry;
  readonly #followers: Followers;
  #configuration: Configuration;
  #configWatcher: Watcher | undefined;

  constructor(options: RollcallOptions) {
    checkKnownOptions('createRollcall', options, KNOWN);
    const { config, adapters = [], logger, timing, env = process.env } = options;
    // Absolute, so that a reload reads the same file after a change of the working directory.
    this.#config = typeof config === 'string' ? absolute(config) : config;
    this.#env = env;
    this.#logger = guardedLogger(logger);
    const given = adapters.flatMap((each) => (typeof each === 'string' ? loadAdapters(each, process.cwd()) : [each]));
    this.#ownAdapters = [...given, ...builtInAdapters()];
    this.#configuration = loadConfig(config, env, this.#ownAdapters);
    this.#followers = new Followers(this.#logger, timing ?? systemTiming);
    this.#ownFiles = createRegistry({
      adapters: [fileAdapter],
      logger: silentLogger,
      ...(timing === undefined ? {} : { timing }),
    });
    const allAdapters = (): readonly Adapter[] => this.#adapters;
    this.#registry = createRegistry({
      // Read at each watch: a reload may bring others.
      get adapters() {
        return allAdapters();
      },
      ...(logger === undefined ? {} : { logger: this.#logger }),
      ...(timing === undefined ? {} : { timing }),
      resolve: (urlOrName) => this.#resolve(urlOrName),
    });
  }

  watch(urlOrName: string, options: WatchOptions = {}): Watcher {
    const definition = this.#watches.get(urlOrName);
    if (definition === undefined || typeof this.#config !== 'string') return this.#registry.watch(urlOrName, options);
    this.#configWatcher ??= this.#followFile(this.#config);
    const watcher = this.#registry.watch(urlOrName, options);
    this.#followers.add(urlOrName, definition, watcher, options);
    return watcher;
  }

  open(urlOrName: string, options?: WatchOptions): OpenedSource {
    return this.#registry.open(urlOrName, options);
  }

  reload(): void {
    if (typeof this.#config !== 'string') return;
    this.#configuration = loadConfig(this.#config, this.#env, this.#ownAdapters);
    this.#followers.follow(this.#watches);
  }

  get #watches(): NamedWatches {
    return this.#configuration.watches;
  }

  get #adapters(): readonly Adapter[] {
    return [...this.#configuration.adapters, ...this.#ownAdapters];
  }

  get watches(): ReadonlyMap<string, WatchSummary> {
    return new Map(Array.from(this.#watches, ([name, watch]) => [name, summaryOf(watch)]));
  }

  brokerOptions(urlOrName: string): BrokerListOptions {
    return this.#watches.get(urlOrName)?.brokers ?? {};
  }

  async close(): Promise<void> {
    await Promise.all([this.#registry.close(), this.#ownFiles.close()]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Follows the configuration file by a watch of its own, so that it is never read half-written. */
  #followFile(path: string): Watcher {
    const watcher = this.#ownFiles.watch(`file:${path.replace(/[%?#]/g, encodeURIComponent)}`).unref();
    let told: string | undefined;
    const reload = (): void => {
      try {
        this.reload();
        told = undefined;
      } catch (error) {
        // The watch and the reading both notice a bad edit: it is logged once.
        const { message } = WatchError.from(error);
        if (message !== told) this.#logger.error({}, `${message} The old configuration stays in force.`);
        told = message;
      }
    };
    watcher.onStatus(({ state }) => {
      if (state === 'stale') reload();
    });
    void (async () => {
      // The first answer may differ from what was read at the start, if the file was edited in between.
      for await (const _ of watcher) reload();
    })().catch((error: unknown) => {
      this.#logger.error({}, `The configuration is no longer followed: ${WatchError.from(error).message}`);
    });
    return watcher;
  }

  #resolve(urlOrName: string): { url: string; options: WatchOptions } {
    const named = this.#watches.get(urlOrName);
    if (named === undefined && schemeOf(urlOrName) === undefined) throw this.#unknownName(urlOrName);
    const url = withEndpoints(this.#env, named?.url ?? urlOrName);
    const { prefix, checkpoint, connect = {} } = named ?? {};
    const options = {
      ...firstOf(connect, connectionFrom(this.#env, url, this.#credentialsOf(url), readText)),
      ...(prefix === undefined ? {} : { prefix }),
      ...(checkpoint === undefined ? {} : { checkpoint }),
    };
    return { url, options };
  }

  #credentialsOf(url: string): readonly Credential[] {
    const scheme = schemeOf(url) ?? '';
    return this.#adapters.find(({ schemes }) => schemes.includes(scheme))?.credentials ?? [];
  }

  #unknownName(name: string): WatchError {
    const names = [...this.#watches.keys()].join(', ') || 'nothing';
    const where = typeof this.#config === 'string' ? this.#config : 'the configuration';
    const why =
      this.#config === undefined ? 'a name needs a configuration such as rollcall.yaml' : `${where} names ${names}`;
    const fix =
      'A URL begins with its backend: etcd://127.0.0.1:2379/broker/kafka/ or file:./brokers.yaml#broker/kafka/';
    return new WatchError('INVALID_URL', `"${name}" is neither a URL nor a known name (${why}). ${fix}.`);
  }
}
