/** The part of pino that Rollcall calls, so that any pino-compatible logger fits. Fields first, then the message. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const nothing = (): void => {};

/** What a library does unless told otherwise. */
export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
