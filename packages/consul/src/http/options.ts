import type { IncomingHttpHeaders } from 'node:http';
import type { ConnectOptions, Timing } from '@rollcall/core';
import type { BodySink } from './reply.js';
import type { Scope } from './scope.js';

export interface HttpOptions extends ConnectOptions {
  /** Whether to use TLS. */
  readonly secure: boolean;
  readonly scope: Scope;
  readonly timing: Timing;
  /** The most connections to one endpoint. */
  readonly connections: number;
}

export interface Request {
  /** Below `/v1`. */
  readonly path: string;
  readonly parameters: readonly (readonly [name: string, value: string])[];
}

export interface CallLimits {
  readonly signal: AbortSignal;
  /** The longest wait for the headers of the answer, ms. */
  readonly headersMs: number;
  /** Whether the process must not end before the call has. */
  readonly holds: boolean;
  /**
   * Returns the sink that the body is streamed into; called only for an answer with status 200 and JSON. Without it,
   * only the beginning of the body is kept, as text.
   */
  bodyTo?(headers: IncomingHttpHeaders): BodySink;
  /** Whether a cache on the way may answer. */
  readonly mayBeCached?: boolean;
}
