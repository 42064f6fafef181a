import type { Logger } from '@rollcall/core';
import type { Io } from './io.js';
import { printableTexts, safeJson } from './printable.js';
import { coloured } from './style.js';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/**
 * Writes the log with pino to standard error: formatted on a terminal, else as JSON lines. pino takes 20 ms to load and
 * most commands log nothing, so it is loaded for the first line that passes the level. Disposing waits until pino has
 * been given every line.
 */
export function createLogger(io: Pick<Io, 'stderr' | 'env'>, level: LogLevel): Logger & AsyncDisposable {
  let loading: Promise<void> | undefined;
  let loaded: Logger | undefined;
  const least = LOG_LEVELS.indexOf(level);
  const at =
    (own: keyof Logger) =>
    (fields: object, message: string): void => {
      if (LOG_LEVELS.indexOf(own) < least) return;
      if (loaded !== undefined) {
        loaded[own](fields, message);
        return;
      }
      const loadedSoon = loading ?? Promise.resolve();
      loading = loadedSoon.then(async () => {
        loaded ??= await loadPino(io, level);
        loaded[own](fields, message);
      });
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    [Symbol.asyncDispose]: async () => loading,
  };
}

async function loadPino({ stderr, env }: Pick<Io, 'stderr' | 'env'>, level: LogLevel): Promise<Logger> {
  const { pino, stdTimeFunctions } = await import('pino');
  const options = { level, base: null, timestamp: stdTimeFunctions.isoTime };
  if (!stderr.isTTY) return pino<never>(options, { write: (line) => void stderr.write(safeJson(line)) });
  const { default: pretty } = await import('pino-pretty');
  const colorize = coloured(stderr, env);
  const lines = pretty({ destination: stderr, colorize, translateTime: 'SYS:HH:MM:ss.l', ignore: 'code' });
  // pino-pretty does not escape control characters, and messages contain texts of servers. So all texts are escaped
  // before.
  const write = (line: string): void => void lines.write(`${JSON.stringify(printableTexts(JSON.parse(line)))}\n`);
  return pino<never>(options, { write });
}
