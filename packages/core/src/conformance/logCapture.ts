import { inspect } from 'node:util';
import type { Logger } from '../runtime/logger.js';

/** Keeps all that is logged, at every level and with all fields, as text. */
export class LogCapture implements Logger {
  readonly messages: string[] = [];
  readonly #fields: string[] = [];

  readonly debug = (fields: object, message: string): void => this.#keep(fields, message);
  readonly info = (fields: object, message: string): void => this.#keep(fields, message);
  readonly warn = (fields: object, message: string): void => this.#keep(fields, message);
  readonly error = (fields: object, message: string): void => this.#keep(fields, message);

  /** Everything, to be searched. */
  get text(): string {
    return [...this.messages, ...this.#fields].join('\n');
  }

  #keep(fields: object, message: string): void {
    this.messages.push(message);
    this.#fields.push(everythingOf(fields));
  }
}

/** All that a value holds, causes and hidden properties included. */
export function everythingOf(value: unknown): string {
  return inspect(value, {
    depth: Number.POSITIVE_INFINITY,
    showHidden: true,
    maxStringLength: null,
    maxArrayLength: null,
  });
}
