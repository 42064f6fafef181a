/**
 * Every error code, and whether a retry can help if nobody changes anything. docs/errors.md says what each means and
 * what to do.
 */
const RETRYABLE = {
  /** A URL that cannot be parsed. */
  INVALID_URL: false,
  /** An option, flag or configuration key with a value that cannot be used. */
  INVALID_OPTION: false,
  /** No adapter for the URL's scheme. */
  UNKNOWN_SCHEME: false,
  /** The backend has no such operation (a write to a read-only source, history where there is none). */
  UNSUPPORTED: false,
  /** User, password, token or client certificate refused. */
  UNAUTHENTICATED: false,
  /** The credentials are valid and may not read or write this; also a list that access rules have filtered. */
  FORBIDDEN: false,
  /** The TLS handshake failed: wrong authority, name, expiry, or TLS spoken to a plain port. */
  TLS: false,
  /** The key that was asked for does not exist. */
  NOT_FOUND: false,
  /** An answer that is not this backend's (a load balancer's page, a missing header). */
  BAD_RESPONSE: true,
  /** Nobody answers at the address. */
  UNREACHABLE: true,
  /** All endpoints are down or resting; the message lists each one's last error. */
  NO_HEALTHY_ENDPOINT: true,
  /** The backend answers that it cannot serve now (no leader, overloaded, starting). */
  UNAVAILABLE: true,
  /** The backend asks for fewer requests. */
  RATE_LIMITED: true,
  /** An answer did not come in time. */
  TIMEOUT: true,
  /** No update for longer than the source's `maxSilenceMs`. */
  SILENT: true,
  /** The stream ended without an error. */
  ENDED: true,
  /** The history after the cursor is compacted: a full read follows. */
  COMPACTED: true,
  /** The store is behind the cursor, so it has another history: a full read follows. */
  ROLLED_BACK: true,
  /** The store had another state at the cursor, so it has another history: a full read follows. */
  OTHER_HISTORY: true,
  /** An answer is larger than `maxMessageBytes`: a read in smaller pages follows. */
  TOO_LARGE: true,
  /**
   * No proof within `maxProofAgeMs`; or the state is one of the past, and the later changes have not been delivered
   * yet.
   */
  NOT_CURRENT: true,
  /** A checkpoint file cannot be read or written. Only ever logged: the watch goes on without it. */
  CHECKPOINT: true,
  /** A document that is missing, empty, half-written or not parsable. */
  UNREADABLE: true,
  /** The registry names fewer brokers than are followed: the last good list stays. */
  TOO_FEW_BROKERS: true,
  /** A broker belongs to another Kafka cluster than the wanted one. */
  OTHER_CLUSTER: true,
  /** The handle was closed. */
  CLOSED: false,
  /** A defect in Rollcall or an adapter: please report it. */
  INTERNAL: true,
} as const;

/** A stable error code. */
export type ErrorCode = keyof typeof RETRYABLE;

/** Every stable code, in the order of docs/errors.md. */
export const ERROR_CODES = Object.keys(RETRYABLE) as readonly ErrorCode[];

export interface WatchErrorOptions {
  readonly cause?: unknown;
  /** See `WatchError.retryAfterMs`. */
  readonly retryAfterMs?: number;
  /** See `WatchError.pacedMs`. */
  readonly pacedMs?: number;
  /** Default: decided by the code. */
  readonly retryable?: boolean;
}

/** Marks the errors of every copy of this module: an application may have two, one of them below an adapter. */
const BRAND = Symbol.for('rollcall.WatchError');

/**
 * The one error of this library. The message says what happened and what to do, and never holds a secret.
 * `instanceof WatchError` is true for the error of any copy of this package in the process.
 */
export class WatchError extends Error {
  override readonly name = 'WatchError';
  readonly code: ErrorCode;
  /** Whether trying again can help without anybody changing anything. */
  readonly retryable: boolean;
  /** The least wait before the next attempt that the server asked for, ms. */
  readonly retryAfterMs?: number;
  /**
   * Set by an adapter that paces its own attempts: the core starts the next attempt at once, and the adapter waits
   * inside it. The value is the time until the adapter asks the backend again, ms.
   */
  readonly pacedMs?: number;

  constructor(code: ErrorCode, message: string, options: WatchErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : {});
    this.code = code;
    this.retryable = options.retryable ?? RETRYABLE[code];
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs;
    if (options.pacedMs !== undefined) this.pacedMs = options.pacedMs;
    // Not a field: a logger would print it, and the types of two copies would differ.
    Object.defineProperty(this, BRAND, { value: true });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && BRAND in value;
  }

  /** The error itself if it is a WatchError; anything else is a defect somewhere, wrapped as INTERNAL. */
  static from(error: unknown): WatchError {
    if (error instanceof WatchError) return error;
    return new WatchError('INTERNAL', `Unexpected failure: ${textOfThrown(error)}`, { cause: error });
  }
}

/** The text of what was thrown, which can be anything: `throw Object.create(null)` has no `toString`. */
export function textOfThrown(error: unknown): string {
  if (error instanceof Error) return error.message;
  try {
    return String(error);
  } catch {
    return 'something without a text was thrown';
  }
}
