import type { TerminalStream } from '../output/io.js';
import { cut } from '../output/printable.js';
import type { Paint } from '../output/style.js';

/** Return to the start of the line and erase it (ECMA-48 EL). */
const ERASE_LINE = '\r\x1b[2K';
/** One line up (ECMA-48 CUU). */
const UP = '\x1b[A';
const DEFAULT_COLUMNS = 80;
/** Where the texts of events begin: time, sign and label stand before. */
const INDENT = 23;
/** Where what stands at the right edge ends: the narrowest usual terminal. */
const WIDTH = 79;

export type Colour = 'green' | 'yellow' | 'red' | 'cyan' | 'dim' | 'bold';

/** One event on one line. */
export interface ScreenRow {
  readonly sign: string;
  readonly colour: Colour;
  readonly label: string;
  readonly text: string;
  /** At the right edge. */
  readonly note?: string;
}

/** A terminal with one line for each event, and below them those that change. */
export class Screen {
  readonly #stream: TerminalStream;
  readonly #paint: Paint;
  readonly #started = performance.now();
  /** How many lines change. */
  #live = 0;

  constructor(stream: TerminalStream, paint: Paint) {
    this.#stream = stream;
    this.#paint = paint;
  }

  /** How many characters of an event's text fit on its line. */
  get textWidth(): number {
    return WIDTH - INDENT;
  }

  line(text: string): void {
    this.#stream.write(`${this.#erased()}${text}\n`);
  }

  heading(text: string): void {
    this.line('');
    this.line(`  ${this.#paint('bold', text)}`);
  }

  row({ sign, colour, label, text, note = '' }: ScreenRow): void {
    const time = `${((performance.now() - this.#started) / 1000).toFixed(1)} s`.padStart(8);
    const space = ' '.repeat(Math.max(1, WIDTH - INDENT - text.length - note.length));
    const start = `${this.#paint('dim', time)}  ${this.#paint(colour, `${sign} ${label.padEnd(INDENT - 12)}`)}`;
    this.line(`${start}${text}${note && this.#paint('dim', space + note)}`);
  }

  /** More words to the last event. */
  detail(text: string): void {
    for (const line of wrap(text, this.textWidth)) this.line(this.#paint('dim', ' '.repeat(INDENT) + line));
  }

  /** A line that the next one takes the place of. */
  live(text: string): void {
    this.block([{ colour: 'dim', text: ' '.repeat(INDENT) + text }]);
  }

  /** Lines that the next ones take the place of. */
  block(lines: readonly { readonly colour: Colour; readonly text: string }[]): void {
    // One that the terminal breaks in two could not be erased.
    const columns = this.#stream.columns ?? DEFAULT_COLUMNS;
    const painted = lines.map(({ colour, text }) => this.#paint(colour, cut(text, columns - 1)));
    this.#stream.write(this.#erased() + painted.join('\n'));
    this.#live = lines.length;
  }

  /** Takes the changing lines away. */
  clearLive(): void {
    this.#stream.write(this.#erased());
  }

  #erased(): string {
    const lines = this.#live;
    this.#live = 0;
    return lines === 0 ? '' : ERASE_LINE + (UP + ERASE_LINE).repeat(lines - 1);
  }
}

/** Lines of at most `width` characters, broken between words. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
