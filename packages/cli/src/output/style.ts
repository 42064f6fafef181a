import { styleText } from 'node:util';
import type { Environment } from 'rollcall';
import type { TerminalStream } from './io.js';

type StyleName = Parameters<typeof styleText>[0];

/** Formats text, or leaves it as it is without colours. */
export type Paint = (format: StyleName, text: string) => string;

/** Colours only on terminals, and not if NO_COLOR (https://no-color.org) is set or TERM is `dumb`. */
export function coloured(stream: TerminalStream, env: Environment): boolean {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
}

export function painter(colour: boolean): Paint {
  return (format, text) => (colour ? styleText(format, text, { validateStream: false }) : text);
}
