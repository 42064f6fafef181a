import { inspect } from 'node:util';
import type { Logger } from '../runtime/logger.js';

/** A logger that keeps everything as text, at every level, with all fields. */
export class LogCapture implements Logger {
  readonly messages: string[] = [];
  readonly #fields: string[] = [];

  readonly debug = (fields: object, message: string): void => this.#keep(fields, message);
  readonly info = (fields: object, message: string): void => this.#keep(fields, message);
  readonly warn = (fields: object, message: string): void => this.#keep(fields, message);
  readonly error = (fields: object, message: string): void => this.#keep(fields, message);

  /** Everything that was logged. */
  get text(): string {
    return [...this.messages, ...this.#fields].join('\n');
  }

  #keep(fields: object, message: string): void {
    this.messages.push(message);
    this.#fields.push(everythingOf(fields));
  }
}

/** Everything that a value holds, causes and hidden properties included, as text. */
export function everythingOf(value: unknown): string {
  return inspect(value, {
    depth: Number.POSITIVE_INFINITY,
    showHidden: true,
    maxStringLength: null,
    maxArrayLength: null,
  });
}
