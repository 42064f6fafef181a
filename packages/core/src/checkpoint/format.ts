import { createHash } from 'node:crypto';
import type { Location } from '../adapter/source.js';
import { targetKey } from '../adapter/targetKey.js';
import type { Revision } from '../model/revision.js';
import type { Entry } from '../model/types.js';

/** The last good state of one watch, as it is kept for the next process. */
export interface Checkpoint {
  readonly revision: Revision;
  /** When the state was last proven to be the backend's; wall clock, ms since the Unix epoch. */
  readonly provenAt: number;
  readonly entries: Iterable<readonly [string, Entry]>;
  /** Texts that users of the watch keep for the next process, as the id of a Kafka cluster. */
  readonly notes?: Readonly<Record<string, string>>;
}

// The format: one JSON document a line. A header; for each entry `[key, value in base64, revision, createRevision]`; a
// footer with the SHA-256 of everything before it, which shows a truncated file.
const FORMAT = 1;
const FOOTER = /^\{"sha256":"([0-9a-f]{64})"\}\n$/;
const NEW_LINE = 0x0a;

/** Bytes that are handled in one go, so that the event loop is not held. */
const CHUNK_BYTES = 64 * 1024;

/** The first bytes of every format, also of future ones. */
export const CHECKPOINT_MAGIC = Buffer.from('{"rollcallCheckpoint":');

interface CheckpointHeader {
  readonly rollcallCheckpoint: number;
  readonly cluster: string;
  readonly target: unknown;
  readonly revision: Revision;
  readonly provenAt: string;
  readonly notes?: Readonly<Record<string, string>>;
}

type Line = readonly [key: string, value: string, revision: Revision | null, createRevision: Revision | null];

/** Encodes a checkpoint, in chunks. */
export function* encodeCheckpoint(checkpoint: Checkpoint, location: Location): Generator<Buffer> {
  const hash = createHash('sha256');
  let text = headerOf(checkpoint, location);
  const chunk = (): Buffer => {
    const bytes = Buffer.from(text);
    hash.update(bytes);
    text = '';
    return bytes;
  };
  for (const [key, entry] of checkpoint.entries) {
    text += lineOf(key, entry);
    if (text.length >= CHUNK_BYTES) yield chunk();
  }
  yield chunk();
  yield Buffer.from(`{"sha256":"${hash.digest('hex')}"}\n`);
}

/**
 * Decodes a checkpoint of this watch. Yields now and then, so that the event loop can turn.
 * @throws Error whose message continues the sentence "The checkpoint <path> …": `is truncated`.
 */
export function* decodeCheckpoint(bytes: Buffer, location: Location): Generator<undefined, Checkpoint> {
  if (bytes.length === 0) throw new Error('is empty');
  if (!bytes.subarray(0, CHECKPOINT_MAGIC.length).equals(CHECKPOINT_MAGIC))
    throw new Error('is no checkpoint of Rollcall');
  const headerEnd = bytes.indexOf(NEW_LINE) + 1;
  if (headerEnd === 0) throw new Error('is truncated');
  const header = parse<CheckpointHeader>(bytes.subarray(0, headerEnd));
  if (header.rollcallCheckpoint !== FORMAT) {
    throw new Error(`was written by a newer version of Rollcall (format ${header.rollcallCheckpoint})`);
  }
  if (header.cluster !== location.cluster || JSON.stringify(header.target) !== targetKey(location.target)) {
    throw new Error(`belongs to another place (${header.cluster}, ${JSON.stringify(header.target)})`);
  }
  const footerStart = bytes.lastIndexOf(NEW_LINE, -2) + 1;
  const sha256 = FOOTER.exec(bytes.toString('latin1', footerStart))?.[1];
  if (sha256 === undefined) throw new Error('is truncated');
  if ((yield* digestOf(bytes.subarray(0, footerStart))) !== sha256)
    throw new Error('is damaged: its checksum is wrong');
  const entries = yield* entriesOf(bytes.subarray(headerEnd, footerStart));
  const { revision, notes } = header;
  return { revision, provenAt: Date.parse(header.provenAt), entries, ...(notes && { notes }) };
}

/**
 * Reads the notes from the beginning of a file.
 * @returns no notes if that is not a header of this watch.
 */
export function decodeNotes(beginning: Buffer, location: Location): Readonly<Record<string, string>> {
  try {
    const {
      cluster,
      target,
      notes = {},
    } = parse<CheckpointHeader>(beginning.subarray(0, beginning.indexOf(NEW_LINE) + 1));
    return cluster === location.cluster && JSON.stringify(target) === targetKey(location.target) ? notes : {};
  } catch {
    return {};
  }
}

function headerOf({ revision, provenAt, notes }: Checkpoint, { cluster, target }: Location): string {
  const header: CheckpointHeader = {
    rollcallCheckpoint: FORMAT,
    cluster,
    target: JSON.parse(targetKey(target)),
    revision,
    provenAt: new Date(provenAt).toISOString(),
    ...(notes && { notes }),
  };
  return `${JSON.stringify(header)}\n`;
}

function lineOf(key: string, { value, revision, createRevision }: Entry): string {
  const base64 = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
  // JSON.stringify escapes lone surrogates, which stand for bytes that are not UTF-8.
  return `${JSON.stringify([key, base64, revision ?? null, createRevision ?? null] satisfies Line)}\n`;
}

function* digestOf(bytes: Buffer): Generator<undefined, string> {
  const hash = createHash('sha256');
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    hash.update(bytes.subarray(at, at + CHUNK_BYTES));
    yield;
  }
  return hash.digest('hex');
}

function* entriesOf(lines: Buffer): Generator<undefined, (readonly [string, Entry])[]> {
  const entries: (readonly [string, Entry])[] = [];
  let nextTurn = CHUNK_BYTES;
  for (let at = 0; at < lines.length; ) {
    const end = lines.indexOf(NEW_LINE, at) + 1;
    entries.push(entryOf(parse<Line>(lines.subarray(at, end))));
    at = end;
    if (at < nextTurn) continue;
    nextTurn = at + CHUNK_BYTES;
    yield;
  }
  return entries;
}

function entryOf([key, value, revision, createRevision]: Line): readonly [string, Entry] {
  const revisions = { ...(revision !== null && { revision }), ...(createRevision !== null && { createRevision }) };
  return [key, { value: Buffer.from(value, 'base64'), ...revisions }];
}

function parse<T>(bytes: Buffer): T {
  try {
    return JSON.parse(bytes.toString());
  } catch (error) {
    throw new Error('is damaged: it does not parse', { cause: error });
  }
}
