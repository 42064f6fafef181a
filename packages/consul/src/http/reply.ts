import type { IncomingHttpHeaders } from 'node:http';
import type { Writable } from 'node:stream';

/** An answer, whatever its status. */
export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The beginning of a text: what Consul says of an error. Undefined when the body went elsewhere or was not read. */
  readonly text?: string | undefined;
}

/** Takes the body of an answer while it arrives. */
export interface BodySink extends Writable {
  /** Whether what came is no such answer, so that the rest is of no use. */
  readonly isHopeless: boolean;
}

export function isJson(headers: IncomingHttpHeaders): boolean {
  return /^application\/json\b/i.test(headers['content-type'] ?? '');
}
