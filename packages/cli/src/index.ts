export type { ExitCode } from './exitCode.js';
export type { Io, TerminalStream } from './io.js';
export { main } from './main.js';
