import { constants, existsSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Logger, WatchError } from '@rollcall/core';
import { redactUrl, type Source, schemeOf, type Target } from '@rollcall/core/adapter';
import { LinkedAbort, untilAborted } from '@rollcall/core/internal';
import { type ConfigText, createRollcall, type Rollcall, type Watcher, type WatchOptions } from 'rollcall';
import { exitCodeOf } from '../output/exitCode.js';
import type { Io } from '../output/io.js';
import { createLogger, type LogLevel } from '../output/log.js';
import { Output } from '../output/output.js';
import { coloured, type Paint, painter } from '../output/style.js';
import { warnOfNearMiss } from './nearMiss.js';

/** The options of every command. */
export interface GlobalOptions {
  readonly config?: string;
  /** Packages with more backends. */
  readonly adapter?: readonly string[];
  readonly json?: true;
  readonly logLevel: LogLevel;
  /** False with `--no-truncate`. */
  readonly truncate: boolean;
  /** ms */
  readonly timeout?: number;
}

/** How long one answer may take without `--timeout`, ms. */
export const ANSWER_MS = 10_000;

/** The configuration for names, if no other is given. */
const DEFAULT_CONFIG = 'rollcall.yaml';
const DEFAULT_COLUMNS = 80;
/** How often an empty pipe is read again, ms. */
const PIPE_MS = 50;

/** Everything that a command works with. */
export interface Session {
  readonly rollcall: Rollcall;
  readonly out: Output;
  readonly logger: Logger;
  readonly io: Io;
  /** JSON lines instead of text for a terminal. */
  readonly json: boolean;
  /** JSON was asked for by `--json`, not only chosen because of a pipe. */
  readonly jsonAsked: boolean;
  readonly paint: Paint;
  /** The terminal's width; Infinity if values are shown in full. */
  readonly columns: number;
  /** How long to wait for an answer, ms. */
  readonly timeoutMs?: number;
}

/**
 * Runs a command with a session, and closes the session.
 * @param urls the command's URLs; if one of them is a name, `./rollcall.yaml` is loaded when no other configuration is
 *   given.
 * @throws what the command throws, and the signal's reason if it was ended before its answer. Not if the reader of its
 *   output went away.
 */
export async function withSession(
  io: Io,
  options: GlobalOptions,
  urls: readonly string[],
  run: (session: Session) => Promise<void>,
): Promise<void> {
  const { stdout, env, signal } = io;
  await using logger = createLogger(io, options.logLevel);
  const out = new Output(stdout, signal);
  const config = await readableConfig(configPath(options, env, urls), signal);
  await using rollcall = createRollcall({
    logger,
    env,
    adapters: options.adapter ?? [],
    ...(config === undefined ? {} : { config }),
  });
  io.onReload?.(() => {
    try {
      rollcall.reload();
    } catch (error) {
      logger.error({}, `${WatchError.from(error).message} The old configuration stays in force.`);
    }
  });
  const session: Session = {
    rollcall,
    out,
    logger,
    io,
    json: options.json ?? !stdout.isTTY,
    jsonAsked: options.json ?? false,
    paint: painter(coloured(stdout, env)),
    // A terminal may not know its width (docker exec -t from a script).
    columns: options.truncate ? stdout.columns || DEFAULT_COLUMNS : Number.POSITIVE_INFINITY,
    ...(options.timeout === undefined ? {} : { timeoutMs: options.timeout }),
  };
  try {
    await run(session);
    await out.flush();
    io.onExitCode?.(0);
  } catch (error) {
    const isReaderGone = out.ended.aborted && !signal.aborted;
    if (!isReaderGone) {
      io.onExitCode?.(exitCodeOf(error, signal));
      throw error;
    }
  }
  if (out.failure !== undefined) {
    throw new WatchError('UNAVAILABLE', `Cannot write to standard output: ${out.failure.message}.`);
  }
}

/** @throws WatchError if the URL or name cannot be used. */
export function watchUrl(session: Session, url: string, options: WatchOptions): Watcher {
  const watcher = session.rollcall.watch(url, options);
  const opened = session.rollcall.open(url, options);
  warnOfPrefix(session, opened.target);
  void warnOfNearMiss(session.logger, watcher, opened).finally(opened.release);
  return watcher;
}

/** Warns if a prefix does not end in `/`, and so matches more keys than it seems to. */
export function warnOfPrefix({ logger }: Session, { prefix, exact }: Target): void {
  if (exact || prefix === '' || prefix.endsWith('/')) return;
  logger.warn({}, `The prefix "${prefix}" is literal: it matches "${prefix}x" too. End it with / for a folder.`);
}

/** @throws WatchError UNSUPPORTED if the backend cannot write. */
export function writerOf(source: Source, url: string): NonNullable<Source['write']> {
  if (source.write !== undefined) return source.write;
  throw new WatchError('UNSUPPORTED', `The backend of "${url}" is read-only: change it where it comes from.`);
}

/**
 * Waits for one answer of a backend, at most `--timeout`.
 * @param whom the backend's name in the message.
 * @throws WatchError TIMEOUT
 */
export async function inTime<T>(
  { timeoutMs, out }: Pick<Session, 'timeoutMs' | 'out'>,
  { defaultMs, whom }: { readonly defaultMs: number; readonly whom: string },
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ms = timeoutMs ?? defaultMs;
  using over = new LinkedAbort(out.ended);
  const late = `No answer from ${redactUrl(whom)} within ${ms / 1000} s (--timeout gives it longer).`;
  const timer = setTimeout(() => over.abort(new WatchError('TIMEOUT', late)), ms);
  try {
    return await untilAborted(ask(over.signal), over.signal);
  } finally {
    clearTimeout(timer);
  }
}

/** A pipe, as in `--config <(…)`, can be read only once, and is not followed. @throws the signal's reason. */
async function readableConfig(path: string | undefined, signal: AbortSignal): Promise<string | ConfigText | undefined> {
  const there = path === undefined ? undefined : await stat(path).catch(() => undefined);
  // createRollcall reports a missing file.
  if (path === undefined || there === undefined || there.isFile() || there.isDirectory()) return path;
  return { file: path, text: await readPipe(path, signal) };
}

/**
 * Reads everything that is written into a pipe. The pipe is opened without waiting for a writer: a thread that waits
 * could not be ended, not even by the end of the process.
 */
async function readPipe(path: string, signal: AbortSignal): Promise<string> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const chunks: Buffer[] = [];
  try {
    for (;;) {
      signal.throwIfAborted();
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(64 * 1024)).catch(nothingYet);
      if (bytesRead > 0) chunks.push(buffer.subarray(0, bytesRead));
      // Before the first byte there may be no writer yet.
      else if (bytesRead === 0 && chunks.length > 0) return Buffer.concat(chunks).toString();
      // This timer keeps the process alive; nothing else does.
      else await sleep(PIPE_MS, undefined, { signal });
    }
  } finally {
    await handle.close();
  }
}

/** True if the pipe is only empty at the moment. @throws any other error */
function nothingYet(error: NodeJS.ErrnoException): { readonly buffer: Buffer; readonly bytesRead: number } {
  if (error.code !== 'EAGAIN') throw error;
  return { buffer: Buffer.alloc(0), bytesRead: -1 };
}

function configPath({ config }: GlobalOptions, env: Io['env'], urls: readonly string[]): string | undefined {
  const given = config ?? (env.ROLLCALL_CONFIG || undefined);
  if (given !== undefined) return given;
  const named = urls.some((url) => schemeOf(url) === undefined);
  return named && existsSync(DEFAULT_CONFIG) ? DEFAULT_CONFIG : undefined;
}
