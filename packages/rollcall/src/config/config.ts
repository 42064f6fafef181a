import { dirname, isAbsolute, resolve } from 'node:path';
import { type ConnectOptions, WatchError } from '@rollcall/core';
import { type Adapter, redactUrl, schemeOf } from '@rollcall/core/adapter';
import type { BrokerListOptions } from '@rollcall/kafka';
import { type BrokersConfig, readBrokers } from './brokers.js';
import { connection } from './connection.js';
import { type ConfigDocument, objectDocument, readDocument } from './document.js';
import type { Environment } from './environment.js';
import { type FieldContext, flagAt, mapAt, numberAt, onlyKeys, pemAt, textAt, textsAt, wrong } from './fields.js';

/** One entry of `watches:`. */
export interface WatchConfig {
  /** The URL to watch. A relative `file:` path starts at the configuration's folder. */
  readonly source: string;
  /** A literal prefix instead of the URL's path: `a` matches `ab`. */
  readonly prefix?: string;
  readonly username?: string;
  readonly password?: string;
  readonly token?: string;
  /** Paths of PEM files, relative to the configuration's folder. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** The name that the server's certificate must be for. Default: the URL's host. */
  readonly serverName?: string;
  /** Accepts any certificate. */
  readonly insecureSkipVerify?: boolean;
  /** The largest answer that is accepted, bytes. Default: etcd 512 MiB, Consul 128 MiB. */
  readonly maxMessageBytes?: number;
  /** How long a status stays `live` after the last proof, ms, at least 4,000. Default: etcd 30,000, Consul 61,437. */
  readonly maxProofAgeMs?: number;
  /** Options that only the adapter of `source` knows. Consul: `waitMs`, `connections`. */
  readonly adapterOptions?: Readonly<Record<string, unknown>>;
  /**
   * Path of a checkpoint file, relative to the configuration's folder: it keeps the last good state for a start while
   * the backend is away. Each watch needs its own.
   */
  readonly checkpoint?: string;
  /** The policy of the bootstrap list that is made from this watch. */
  readonly brokers?: BrokersConfig;
}

/** The content of `rollcall.yaml`. */
export interface RollcallConfig {
  /** Packages of further backends, found from the configuration's folder. Each exports its adapter as `default`. */
  readonly adapters?: readonly string[];
  readonly watches: Readonly<Record<string, WatchConfig>>;
}

/** One entry of `watches:`, checked, with its files read. */
export interface NamedWatch {
  readonly url: string;
  readonly prefix?: string;
  /** An absolute path. */
  readonly checkpoint?: string;
  readonly connect: ConnectOptions;
  readonly brokers?: BrokerListOptions;
}

export type NamedWatches = ReadonlyMap<string, NamedWatch>;

/** A configuration, checked. */
export interface Configuration {
  readonly watches: NamedWatches;
  /** The adapters of the packages in `adapters:`. */
  readonly adapters: readonly Adapter[];
}

const TEXT_KEYS = [
  'source',
  'prefix',
  'checkpoint',
  'username',
  'password',
  'token',
  'ca',
  'cert',
  'key',
  'serverName',
] as const;
/** The keys of an entry of `watches:`. */
export const WATCH_KEYS: readonly (keyof WatchConfig)[] = [
  ...TEXT_KEYS,
  'insecureSkipVerify',
  'maxMessageBytes',
  'maxProofAgeMs',
  'adapterOptions',
  'brokers',
];

/** One configured watch, for people: secrets are `***`. */
export interface WatchSummary {
  readonly source: string;
  readonly prefix?: string;
  readonly checkpoint?: string;
  /** As `ConnectOptions`. */
  readonly connect: Readonly<Record<string, unknown>>;
  readonly brokers?: BrokerListOptions;
}

/** Names stand in the place of URLs, and in paths such as `/v1/watches/orders`. */
const NAME = /^[a-z0-9][a-z0-9._-]*$/i;

/** What the loader needs besides the text. Passed in, so that the same text gives the same result. */
export interface ConfigInputs {
  readonly env: Environment;
  /** Reads a file that a key names. @throws as `fs.readFileSync` */
  readFile(path: string): string;
  /** @throws WatchError INVALID_OPTION when the package has no adapter */
  loadAdapters(name: string, folder: string): readonly Adapter[];
  /** @throws WatchError when neither a built-in backend nor one of these can watch the URL */
  checkUrl(url: string, adapters: readonly Adapter[]): void;
}

/**
 * Reads a `rollcall.yaml`. `${NAME}` in a text is the environment variable NAME; `$${` is a literal `${`.
 * @param file its path, for messages and for what is relative to it.
 * @throws WatchError INVALID_OPTION naming file, line, key and the fix: no YAML, an unknown key, a wrong type, an unset
 *   variable, a PEM file that cannot be read.
 */
export function parseConfig(text: string, file: string, inputs: ConfigInputs): Configuration {
  return readRoot(readDocument(text, file), dirname(resolve(file)), inputs);
}

/**
 * Reads a configuration that is an object: the same keys; nothing is substituted, and relative paths start
 * at the working directory.
 * @throws WatchError INVALID_OPTION
 */
export function checkConfig(config: RollcallConfig, inputs: Omit<ConfigInputs, 'env'>): Configuration {
  const { readFile, loadAdapters, checkUrl } = inputs;
  return readRoot(objectDocument(config), process.cwd(), { readFile, loadAdapters, checkUrl });
}

function readRoot(
  document: ConfigDocument,
  folder: string,
  { checkUrl, loadAdapters, ...inputs }: Omit<ConfigInputs, 'env'> & Partial<ConfigInputs>,
): Configuration {
  let adapters: readonly Adapter[] = [];
  const context = { document, folder, ...inputs, checkUrl: (url: string) => checkUrl(url, adapters) };
  const root = mapAt(context, [], document.value, 'write "watches:" and below it one entry for each name');
  onlyKeys(context, [], root, ['adapters', 'watches']);
  const names = textsAt(context, ['adapters'], root.adapters) ?? [];
  adapters = names.flatMap((name) => adaptersAt(context, name, loadAdapters));
  const watches = mapAt(context, ['watches'], root.watches, 'write one entry for each name below it');
  const named = new Map(Object.entries(watches).map(([name, value]) => [name, readWatch(context, name, value)]));
  assertOwnCheckpoints(context, named);
  return { watches: named, adapters };
}

function adaptersAt(context: FieldContext, name: string, load: ConfigInputs['loadAdapters']): readonly Adapter[] {
  try {
    return load(name, context.folder);
  } catch (error) {
    throw wrong(context, ['adapters'], `cannot be used: ${WatchError.from(error).message.replace(/\.$/, '')}`, error);
  }
}

function readWatch(context: FieldContext, name: string, value: unknown): NamedWatch {
  const path = ['watches', name];
  if (!NAME.test(name)) {
    // The message leaves the name out: it may be a value in the wrong place.
    const place = context.document.where(path, ['watches']);
    const fix = 'use letters, digits, "-", "_" and ".", beginning with a letter or digit';
    throw new WatchError('INVALID_OPTION', `${place} has a name that is not usable: ${fix}.`);
  }
  const fields = mapAt(context, path, value, 'write below it "source: " and a URL');
  onlyKeys(context, path, fields, WATCH_KEYS);
  const text = (key: (typeof TEXT_KEYS)[number]): string | undefined => textAt(context, [...path, key], fields[key]);
  const pem = (key: 'ca' | 'cert' | 'key'): string | undefined => pemAt(context, [...path, key], text(key));
  const source = text('source');
  if (source === undefined) {
    throw wrong(context, path, 'has no source: add one, as "source: etcd://127.0.0.1:2379/broker/kafka/"');
  }
  if (schemeOf(source) === undefined) {
    throw wrong(context, [...path, 'source'], 'is not a URL: begin it with a scheme, such as etcd:// or file:');
  }
  const url = rootedAt(context.folder, source);
  checkUrlAt(context, [...path, 'source'], url);
  const prefix = text('prefix');
  const checkpoint = text('checkpoint');
  if (checkpoint === '')
    throw wrong(context, [...path, 'checkpoint'], 'is empty: give the path of a file, or leave it out');
  return {
    url,
    ...(prefix === undefined ? {} : { prefix }),
    ...(checkpoint === undefined ? {} : { checkpoint: resolve(context.folder, checkpoint) }),
    ...(fields.brokers !== undefined && { brokers: readBrokers(context, [...path, 'brokers'], fields.brokers) }),
    connect: connection({
      username: text('username'),
      password: text('password'),
      token: text('token'),
      ca: pem('ca'),
      cert: pem('cert'),
      key: pem('key'),
      serverName: text('serverName'),
      insecureSkipVerify: flagAt(context, [...path, 'insecureSkipVerify'], fields.insecureSkipVerify),
      maxMessageBytes: numberAt(context, [...path, 'maxMessageBytes'], fields.maxMessageBytes, 'bytes, as 536870912'),
      maxProofAgeMs: numberAt(context, [...path, 'maxProofAgeMs'], fields.maxProofAgeMs, 'milliseconds, as 10000'),
      adapterOptions: mapOf(context, [...path, 'adapterOptions'], fields.adapterOptions),
    }),
  };
}

/** Undefined where nothing is given. */
function mapOf(context: FieldContext, path: readonly string[], value: unknown): Record<string, unknown> | undefined {
  return value === undefined ? undefined : mapAt(context, path, value, 'write one option for each line below it');
}

/** Refuses two watches with one checkpoint: they would overwrite each other's state. */
function assertOwnCheckpoints(context: FieldContext, watches: NamedWatches): void {
  const owners = new Map<string, string>();
  for (const [name, { checkpoint }] of watches) {
    if (checkpoint === undefined) continue;
    const owner = owners.get(checkpoint);
    if (owner !== undefined) {
      const why = `is the file of watches.${owner} too: give each watch a file of its own`;
      throw wrong(context, ['watches', name, 'checkpoint'], why);
    }
    owners.set(checkpoint, name);
  }
}

function checkUrlAt(context: FieldContext, path: readonly string[], url: string): void {
  try {
    context.checkUrl(url);
  } catch (error) {
    throw wrong(context, path, `cannot be used: ${WatchError.from(error).message.replace(/\.$/, '')}`, error);
  }
}

/** Makes a relative `file:` URL absolute, so that it does not depend on the working directory. */
function rootedAt(folder: string, url: string): string {
  if (schemeOf(url) !== 'file') return url;
  const path = url.slice('file:'.length);
  if (isAbsolute(path)) return url;
  return `file:${folder.replace(/[%?#]/g, encodeURIComponent)}/${path}`;
}

/** A configured watch without its secrets. */
export function summaryOf({ url, prefix, checkpoint, connect, brokers }: NamedWatch): WatchSummary {
  const { password, token, tls, ...rest } = connect;
  const masked = {
    ...rest,
    ...(password !== undefined && { password: '***' }),
    ...(token !== undefined && { token: '***' }),
    // Certificates are long, and keys are secret.
    ...(tls && {
      tls: { ...tls, ...Object.fromEntries(PEM.filter((name) => tls[name]).map((name) => [name, '***'])) },
    }),
  };
  return {
    source: redactUrl(url),
    ...(prefix !== undefined && { prefix }),
    ...(checkpoint !== undefined && { checkpoint }),
    connect: masked,
    ...(brokers !== undefined && { brokers }),
  };
}

const PEM = ['ca', 'cert', 'key'] as const;
