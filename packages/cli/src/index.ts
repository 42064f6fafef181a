export { main } from './main.js';
export type { ExitCode } from './output/exitCode.js';
export type { Io, TerminalStream } from './output/io.js';
