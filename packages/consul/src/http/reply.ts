import type { IncomingHttpHeaders } from 'node:http';
import type { Writable } from 'node:stream';

/** An answer, whatever its status. */
export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The beginning of the text, as of an error; undefined if the body went to a sink or was not read. */
  readonly text?: string | undefined;
}

/** Reads the body of an answer while it arrives. */
export interface BodySink extends Writable {
  /** Whether the body cannot be such an answer, so that the rest is not needed. */
  readonly isHopeless: boolean;
}

export function isJson(headers: IncomingHttpHeaders): boolean {
  return /^application\/json\b/i.test(headers['content-type'] ?? '');
}
