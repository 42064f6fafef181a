import { DialBoard } from '../adapter/dialBoard.js';
import { locate } from '../adapter/locate.js';
import type { Adapter, Location, Source, Target } from '../adapter/source.js';
import { targetKey } from '../adapter/targetKey.js';
import { redactUrl } from '../adapter/url.js';
import { CheckpointFile } from '../checkpoint/file.js';
import { CheckpointKeeper } from '../checkpoint/keeper.js';
import { WatchError } from '../model/errors.js';
import { checkKnownOptions, optionNames } from '../model/knownOptions.js';
import { type ConnectOptions, TLS_OPTIONS, WATCH_OPTIONS, type WatchOptions } from '../model/options.js';
import { quote } from '../model/printable.js';
import type { Watcher } from '../model/types.js';
import { guardedLogger, type Logger } from '../runtime/logger.js';
import { LogThrottle } from '../runtime/throttle.js';
import { inTime, systemTiming, type Timing } from '../runtime/timing.js';
import { SharedWatch } from './sharedWatch.js';
import { sourceKey } from './sharingKey.js';
import { checkSource } from './updateCheck.js';
import { WatcherHandle, type WatchReference } from './watcher.js';
import { type WatchStart, watchStartOf } from './watchStart.js';

/**
 * The time that a source has to close, ms, because `close()` settles within 1 s. What takes longer goes on in the
 * background.
 */
const DISPOSE_MS = 800;

/** Without a logger, a process warning is emitted if nothing has answered for this long, ms. */
const SILENCE_MS = 10_000;

const REGISTRY_OPTIONS = optionNames<RegistryOptions>({
  adapters: true,
  logger: true,
  timing: true,
  resolve: true,
});

export interface RegistryOptions {
  /** All adapters. */
  readonly adapters: readonly Adapter[];
  /** Any pino-compatible logger. Default: silent. */
  readonly logger?: Logger;
  /** Clock, timers and randomness. Default: the system's. */
  readonly timing?: Timing;
  /** Resolves a name to a URL and options; options of the call count before them. Undefined: it is a URL already. */
  readonly resolve?: (name: string) => { readonly url: string; readonly options?: WatchOptions } | undefined;
}

/** A source and the target of a URL, for reads and writes. Release it when done. */
export interface OpenedSource {
  readonly source: Source;
  readonly target: Target;
  release(): Promise<void>;
}

export interface Registry extends AsyncDisposable {
  /**
   * Watches a URL or a name. Connects in the background; `ready()` waits for the first state.
   * @throws WatchError INVALID_URL, UNKNOWN_SCHEME, INVALID_OPTION.
   */
  watch(urlOrName: string, options?: WatchOptions): Watcher;
  /** Opens the source of a URL or a name, for reads and writes. @throws as `watch`. */
  open(urlOrName: string, options?: WatchOptions): OpenedSource;
  /** Closes all handles and sources. Idempotent. */
  close(): Promise<void>;
}

/**
 * Makes a registry. It shares sources between equal clusters and options, and watches between equal targets, and counts
 * references. It has no global state.
 */
export function createRegistry(options: RegistryOptions): Registry {
  return new SharingRegistry(options);
}

interface RefCounted<T> {
  readonly value: T;
  references: number;
}

/** A URL or a name with its options, resolved. */
interface WatchRequest {
  readonly adapter: Adapter;
  readonly location: Location;
  readonly connect: ConnectOptions;
  readonly begin: WatchStart;
}

class SharingRegistry implements Registry {
  readonly #options: RegistryOptions;
  readonly #logger: Logger;
  readonly #timing: Timing;
  readonly #warnings: LogThrottle;
  readonly #sources = new Map<string, RefCounted<Source>>();
  readonly #watches = new Map<string, RefCounted<SharedWatch>>();
  readonly #writers = new Map<string, CheckpointKeeper>();
  readonly #handles = new Set<WatcherHandle>();
  readonly #dials = new DialBoard();
  /** Sources that are being disposed of. */
  readonly #disposing = new Set<Promise<void>>();
  #toldSilence = false;
  #epochs = 0;
  /** The number of watches with a `since` of their own, which are not shared. */
  #own = 0;
  #closed: Promise<void> | undefined;

  constructor(options: RegistryOptions) {
    checkKnownOptions('createRegistry', options, REGISTRY_OPTIONS);
    this.#options = options;
    this.#logger = guardedLogger(options.logger);
    this.#timing = options.timing ?? systemTiming;
    this.#warnings = new LogThrottle(this.#logger, this.#timing);
  }

  watch(urlOrName: string, options: WatchOptions = {}): Watcher {
    const handle = new WatcherHandle({
      reference: this.#reference(urlOrName, options),
      timing: this.#timing,
      logger: this.#logger,
      acquire: (next, nextOptions) => this.#reference(next, nextOptions),
      onClosed: (closed) => this.#handles.delete(closed),
    });
    this.#handles.add(handle);
    if (this.#options.logger === undefined) this.#warnOfSilence(handle, urlOrName);
    return handle;
  }

  /** Without a logger, a wrong address would look like a program that hangs. Warns once per registry. */
  #warnOfSilence(watcher: Watcher, urlOrName: string): void {
    if (this.#toldSilence) return;
    const over = (): void => {
      cancel();
      stop();
    };
    const cancel = this.#timing.schedule(SILENCE_MS, () => {
      over();
      const { status } = watcher;
      if (this.#toldSilence || status.state !== 'connecting') return;
      this.#toldSilence = true;
      const why = status.error === undefined ? '' : ` ${status.error.message}`;
      const what = `Rollcall: nothing has answered for ${redactUrl(urlOrName)} in ${SILENCE_MS / 1000} s.${why}`;
      process.emitWarning(`${what} It goes on trying; give a "logger" to see more.`);
    });
    const stop = watcher.onStatus(({ state }) => {
      if (state !== 'connecting') over();
    });
  }

  open(urlOrName: string, options: WatchOptions = {}): OpenedSource {
    const { location, connect, adapter } = this.#locate(urlOrName, options);
    const { source, release } = this.#sharedSource(adapter, location, connect);
    return { source, target: location.target, release };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#handles].map((handle) => handle.close()));
    for (const { value } of this.#sources.values()) void this.#dispose(value);
    this.#sources.clear();
    // Also sources whose handles were closed before.
    await Promise.all(this.#disposing);
  }

  #locate(urlOrName: string, given: WatchOptions): WatchRequest {
    if (this.#closed !== undefined) throw new WatchError('CLOSED', 'This registry is closed.');
    if (typeof urlOrName !== 'string') {
      throw new WatchError('INVALID_URL', `What to watch must be a URL or a name; it is ${quote(urlOrName)}.`);
    }
    checkKnownOptions('watch', given, WATCH_OPTIONS);
    checkKnownOptions('"tls"', given.tls, TLS_OPTIONS);
    const named = this.#options.resolve?.(urlOrName);
    const url = named?.url ?? urlOrName;
    const { prefix, since, checkpoint, ...connect } = { ...named?.options, ...given };
    const begin = watchStartOf(since, checkpoint);
    const { adapter, location } = locate(this.#options.adapters, url);
    const target = prefix === undefined ? location.target : { prefix };
    return { location: { ...location, target }, connect, adapter, begin };
  }

  #reference(urlOrName: string, options: WatchOptions): WatchReference {
    const located = this.#locate(urlOrName, options);
    const { location, connect, begin } = located;
    // A handle that joins a watch with `since` late would miss what came before.
    const own = begin.since === undefined ? 0 : ++this.#own;
    const key = JSON.stringify([sourceKey(location, connect), targetKey(location.target), begin, own]);
    const existing = this.#watches.get(key);
    const shared = existing?.value.status.state === 'failed' ? undefined : existing;
    const counted = shared ?? this.#openWatch(located);
    if (shared === undefined) this.#watches.set(key, counted);
    counted.references++;
    const release = async (): Promise<void> => {
      if (--counted.references > 0) return;
      if (this.#watches.get(key) === counted) this.#watches.delete(key);
      await counted.value.close();
    };
    return { watch: counted.value, release };
  }

  #openWatch({ adapter, location, connect, begin }: WatchRequest): RefCounted<SharedWatch> {
    const { source, release } = this.#sharedSource(adapter, location, connect);
    const watch = new SharedWatch({
      source,
      adapter: adapter.schemes[0] ?? '',
      target: location.target,
      since: begin.since,
      checkpoint: begin.checkpoint === undefined ? undefined : this.#keeper(begin.checkpoint, location),
      timing: this.#timing,
      logger: this.#logger,
      warnings: this.#warnings,
      mintEpoch: () => ++this.#epochs,
      onClosed: release,
    });
    return { value: watch, references: 0 };
  }

  #keeper(path: string, location: Location): CheckpointKeeper {
    const file = new CheckpointFile(path, location);
    return new CheckpointKeeper({ file, timing: this.#timing, warnings: this.#warnings, writers: this.#writers });
  }

  #sharedSource(adapter: Adapter, location: Location, connect: ConnectOptions): Omit<OpenedSource, 'target'> {
    const key = sourceKey(location, connect);
    const counted = this.#sources.get(key) ?? { value: this.#openSource(adapter, location, connect), references: 0 };
    this.#sources.set(key, counted);
    counted.references++;
    let released: Promise<void> | undefined;
    const release = async (): Promise<void> => {
      if (--counted.references > 0 || this.#sources.get(key) !== counted) return;
      this.#sources.delete(key);
      await this.#dispose(counted.value);
    };
    return {
      source: counted.value,
      release: () => {
        released ??= release();
        return released;
      },
    };
  }

  #openSource(adapter: Adapter, location: Location, connect: ConnectOptions): Source {
    const given = { ...connect, logger: this.#logger, timing: this.#timing, dials: this.#dials };
    const source = adapter.open(location, given);
    checkSource(source, adapter.schemes[0] ?? '');
    return source;
  }

  #dispose(source: Source): Promise<void> {
    const disposing = this.#disposeInTime(source).finally(() => this.#disposing.delete(disposing));
    this.#disposing.add(disposing);
    return disposing;
  }

  async #disposeInTime(source: Source): Promise<void> {
    const disposed = Promise.resolve(source[Symbol.asyncDispose]()).catch((error: unknown) => {
      this.#logger.warn({ err: error }, 'A source failed to close cleanly.');
    });
    await inTime(this.#timing, DISPOSE_MS, disposed);
  }
}
