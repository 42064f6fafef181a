import { optionNames } from './knownOptions.js';
import type { Revision } from './revision.js';

/** Credentials, TLS and limits of a connection. Secrets belong here: a URL that holds one is refused. */
export interface ConnectOptions {
  readonly username?: string;
  readonly password?: string;
  readonly token?: string;
  readonly tls?: TlsOptions;
  /**
   * The largest answer that is accepted, bytes; at least 2 MiB. Default: etcd 512 MiB, Consul 128 MiB. If a message of
   * etcd's watch is larger, the adapter reads the keys again in pages, so that deletes are inferred. Consul has no
   * pages: a larger answer is an error.
   */
  readonly maxMessageBytes?: number;
  /**
   * How long the status may be `live` after the last proof that the state is current, ms; at least 4,000. The adapter
   * asks the backend often enough. Default: etcd 30,000; Consul its wait, a sixteenth of it and 3,000. Files and memory
   * refuse the option.
   */
  readonly maxProofAgeMs?: number;
  /** Options that only the URL's adapter knows; its documentation lists them. Values must be JSON. */
  readonly adapterOptions?: Readonly<Record<string, unknown>>;
}

/** Options of one watch. */
export interface WatchOptions extends ConnectOptions {
  /** A literal prefix to watch in the URL's cluster, instead of the URL's own path. */
  readonly prefix?: string;
  /**
   * Begins with the state at this revision, then delivers every later change. It needs a backend with a history (etcd);
   * others fail with UNSUPPORTED. A compacted revision fails with COMPACTED, a future one with ROLLED_BACK; both end
   * the watch. Until the watch has caught up, the status is `stale` with NOT_CURRENT. After an interruption that cannot
   * be bridged, it delivers the difference, as every watch does. A later `swap` begins at the present of its backend,
   * unless it is given a `since` of its own.
   */
  readonly since?: Revision;
  /**
   * Path of a checkpoint file, which keeps the last good state. If the backend does not answer at the start, the watch
   * begins with that state: `stale`, since the state's last proof. The backend's first answer is then a resync. The
   * file is written atomically, with mode 0600, at most every 5 s while the state changes, and on close. Each watch
   * needs a file of its own. If it cannot be read or written, a warning is logged and the watch goes on. Ignored with
   * `since`.
   */
  readonly checkpoint?: string;
}

/** TLS settings. `ca`, `cert` and `key` are PEM texts; a path is refused. */
export interface TlsOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** The name that the server's certificate must be for. Default: the URL's host. */
  readonly serverName?: string;
  /** Accepts any certificate. The adapter logs a warning each time it opens a source. */
  readonly insecureSkipVerify?: boolean;
}

/** The names of all `TlsOptions`. */
export const TLS_OPTIONS = optionNames<TlsOptions>({
  ca: true,
  cert: true,
  key: true,
  serverName: true,
  insecureSkipVerify: true,
});

/** The names of all `WatchOptions`. */
export const WATCH_OPTIONS = optionNames<WatchOptions>({
  username: true,
  password: true,
  token: true,
  tls: true,
  maxMessageBytes: true,
  maxProofAgeMs: true,
  adapterOptions: true,
  prefix: true,
  since: true,
  checkpoint: true,
});
