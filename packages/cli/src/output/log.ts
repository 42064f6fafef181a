import { type Logger, silentLogger } from '@rollcall/core';
import type { Io } from './io.js';
import { printableTexts, safeJson } from './printable.js';
import { coloured } from './style.js';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** pino on standard error: pretty on a terminal, else JSON lines. */
export async function createLogger({ stderr, env }: Pick<Io, 'stderr' | 'env'>, level: LogLevel): Promise<Logger> {
  if (level === 'silent') return silentLogger;
  const { pino, stdTimeFunctions } = await import('pino');
  const options = { level, base: null, timestamp: stdTimeFunctions.isoTime };
  if (!stderr.isTTY) return pino<never>(options, { write: (line) => void stderr.write(safeJson(line)) });
  const { default: pretty } = await import('pino-pretty');
  const colorize = coloured(stderr, env);
  const lines = pretty({ destination: stderr, colorize, translateTime: 'SYS:HH:MM:ss.l', ignore: 'code' });
  // pino-pretty prints a message as it is; keys, hosts and what servers say are in it.
  const write = (line: string): void => void lines.write(`${JSON.stringify(printableTexts(JSON.parse(line)))}\n`);
  return pino<never>(options, { write });
}
