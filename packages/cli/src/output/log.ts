import { type Logger, silentLogger } from '@rollcall/core';
import type { Io } from './io.js';
import { coloured } from './style.js';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** pino on standard error: pretty on a terminal, else JSON lines. */
export async function createLogger({ stderr, env }: Pick<Io, 'stderr' | 'env'>, level: LogLevel): Promise<Logger> {
  if (level === 'silent') return silentLogger;
  const { pino, stdTimeFunctions } = await import('pino');
  const options = { level, base: null, timestamp: stdTimeFunctions.isoTime };
  if (!stderr.isTTY) return pino<never>(options, stderr);
  const { default: pretty } = await import('pino-pretty');
  const colorize = coloured(stderr, env);
  return pino<never>(
    options,
    pretty({ destination: stderr, colorize, translateTime: 'SYS:HH:MM:ss.l', ignore: 'code' }),
  );
}
