import { styleText } from 'node:util';
import type { Environment } from 'rollcall';
import type { TerminalStream } from './io.js';

type StyleName = Parameters<typeof styleText>[0];

/** Gives text a format, or leaves it alone where colours are off. */
export type Paint = (format: StyleName, text: string) => string;

/** Colours are for terminals, unless NO_COLOR (https://no-color.org) is set or the terminal says that it is dumb. */
export function coloured(stream: TerminalStream, env: Environment): boolean {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
}

export function painter(colour: boolean): Paint {
  return (format, text) => (colour ? styleText(format, text, { validateStream: false }) : text);
}
