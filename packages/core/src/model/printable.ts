/** The longest reason, in characters: it goes to logs and screens, and a value may be megabytes. */
const LONGEST = 200;

/** Control, format (bidirectional overrides too), line and paragraph separators, lone surrogates. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{DI}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Text that came from outside, cut and escaped so that it cannot steer a terminal or fake a line of a log. */
export function printable(text: string): string {
  const escaped = text.slice(0, LONGEST).replace(UNPRINTABLE, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
  return text.length > LONGEST || escaped.length > LONGEST ? `${escaped.slice(0, LONGEST - 1)}…` : escaped;
}

/** The longest quotation, in characters. */
const LONGEST_QUOTE = 60;

/** Enough of a value to recognise it, on one line. Nothing of a text with an `@`: before that there may be a password. */
export function quote(value: unknown): string {
  let text: string;
  try {
    text = typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? String(value));
  } catch {
    // It holds itself, or is nested too deeply.
    return 'a value that cannot be shown';
  }
  if (text.includes('@')) return 'a text with an "@"';
  const short = text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text;
  return printable(short);
}
