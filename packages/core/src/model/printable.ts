/** The longest text that `printable` returns, in characters: values may be megabytes, and go to logs and screens. */
const LONGEST = 200;

/**
 * Characters that can steer a terminal or reorder text: control, format, default ignorable, line and paragraph
 * separators, lone surrogates.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{DI}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Escapes and cuts text from outside, so that it cannot steer a terminal or fake a line of a log. */
export function printable(text: string): string {
  const escaped = text.slice(0, LONGEST).replace(UNPRINTABLE, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
  return text.length > LONGEST || escaped.length > LONGEST ? `${escaped.slice(0, LONGEST - 1)}…` : escaped;
}

/** The longest quotation, in characters. */
const LONGEST_QUOTE = 60;

/**
 * A short form of a value for a message, on one line. A text with an `@` is not quoted at all: a password may stand
 * before the `@`.
 */
export function quote(value: unknown): string {
  let text: string;
  try {
    text = typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? String(value));
  } catch {
    // The value is circular, or nested too deeply.
    return 'a value that cannot be shown';
  }
  if (text.includes('@')) return 'a text with an "@"';
  const short = text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text;
  return printable(short);
}
