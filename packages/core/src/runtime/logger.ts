/** A logger: the part of pino's interface that Rollcall calls. Fields first, then the message. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const nothing = (): void => {};

/** The default: logs nothing. */
export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

const guarded = new WeakSet<Logger>();

/**
 * The user's logger with every call guarded. pino throws once its transport's worker has exited: one log line would
 * then end a watch, or the process.
 */
export function guardedLogger(logger: Logger | undefined): Logger {
  if (logger === undefined) return silentLogger;
  if (logger === silentLogger || guarded.has(logger)) return logger;
  const safe =
    (level: keyof Logger) =>
    (fields: object, message: string): void => {
      try {
        logger[level](fields, message);
      } catch {}
    };
  const own: Logger = { debug: safe('debug'), info: safe('info'), warn: safe('warn'), error: safe('error') };
  guarded.add(own);
  return own;
}
