import { optionNames } from './knownOptions.js';
import type { Revision } from './revision.js';

/** Credentials and TLS. Secrets come here, never in a URL. */
export interface ConnectOptions {
  readonly username?: string;
  readonly password?: string;
  readonly token?: string;
  readonly tls?: TlsOptions;
  /**
   * The largest answer to take, bytes; at least 2 MiB. Default: etcd 512 MiB, Consul 128 MiB. etcd's watch reads anew what
   * is larger, in smaller pages, so that a delete is inferred where it would have been told; Consul has no pages.
   */
  readonly maxMessageBytes?: number;
  /**
   * How old the last proof of the state may be while the status is `live`, ms. The backend is asked often enough to keep
   * it. Default: etcd 30 s; Consul its wait, a sixteenth of it and 3 s. At least 4000; files and memory have no such age.
   */
  readonly maxProofAgeMs?: number;
  /** Options that only the URL's adapter knows, as its own documentation says. Values that JSON can hold. */
  readonly adapterOptions?: Readonly<Record<string, unknown>>;
}

/** How a URL is to be watched. */
export interface WatchOptions extends ConnectOptions {
  /** Watches this literal prefix in the URL's cluster instead of the URL's own path. */
  readonly prefix?: string;
  /**
   * Begins with the state at this revision, then tells every change after it. Needs a backend that keeps its history
   * (`Source.supports.history`, as etcd's does); any other fails with UNSUPPORTED. A revision that is compacted fails
   * with COMPACTED, one that is still to come with ROLLED_BACK: no waiting mends that. Until the backend has shown what
   * came after, the status is `stale` with NOT_CURRENT. Once begun, the watch survives what every watch does: where it
   * must read anew, it tells the difference. A later `swap` begins at its backend's present unless given its own.
   */
  readonly since?: Revision;
  /**
   * Path of a file that keeps the last good state. While the backend does not answer, the watch begins with that state,
   * `stale` since when it was last known to be the backend's; the backend's first answer is then told as the difference.
   * Written at most every 5 s while the state changes and at the end, atomically, with mode 0600. One file serves one
   * watch. One that cannot be read or written is warned of, and the watch goes on. Does nothing beside `since`.
   */
  readonly checkpoint?: string;
}

/** PEM texts, not paths. */
export interface TlsOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** The name to verify the server's certificate against, where it is not the host of the URL. */
  readonly serverName?: string;
  /** Accepts any certificate. Warned of at every start. */
  readonly insecureSkipVerify?: boolean;
}

/** All that `TlsOptions` has. */
export const TLS_OPTIONS = optionNames<TlsOptions>({
  ca: true,
  cert: true,
  key: true,
  serverName: true,
  insecureSkipVerify: true,
});

/** All that `WatchOptions` has. */
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
