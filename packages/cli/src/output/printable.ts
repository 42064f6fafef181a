/**
 * Characters that a terminal could take for a command or that could deceive its reader: control characters, invisible
 * ones (zero width, tags, bidirectional overrides), line separators, and the lone surrogates that stand for bytes which
 * are not UTF-8.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{DI}\p{Cs}\p{Zl}\p{Zp}]/gu;
const UNSAFE_LINES = /(?![\n\t])[\p{Cc}\p{Cf}\p{DI}\p{Cs}\p{Zl}\p{Zp}]/gu;
/** Those that JSON.stringify does not escape. */
const UNSAFE_JSON = /[\u007f-\u009f\p{Cf}\p{DI}\p{Zl}\p{Zp}]/gu;

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text from outside for one line of a terminal: unsafe characters become `\x1b` or `\u202e`. */
export function printable(text: string): string {
  return text.replace(UNSAFE, escaped);
}

/** The same for text of several lines: line breaks stay. */
export function printableLines(text: string): string {
  return text.replace(UNSAFE_LINES, escaped);
}

/** A value as JSON that is safe to print: unsafe characters are escaped, the value is the same. */
export function printableJson(value: object): string {
  return safeJson(JSON.stringify(value));
}

/** The same for a value that is JSON already. */
export function safeJson(json: string): string {
  return json.replace(UNSAFE_JSON, (char) => {
    const units = Array.from({ length: char.length }, (_, at) => hex(char.charCodeAt(at), 4));
    return units.map((unit) => `\\u${unit}`).join('');
  });
}

/** A copy of a JSON value, in which every text and every object key is printable. */
export function printableTexts(value: unknown): unknown {
  if (typeof value === 'string') return printable(value);
  if (Array.isArray(value)) return value.map(printableTexts);
  if (typeof value !== 'object' || value === null) return value;
  // A stack trace has lines of its own.
  const shown = (key: string, each: unknown): unknown =>
    key === 'stack' && typeof each === 'string' ? printableLines(each) : printableTexts(each);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [printable(key), shown(key, each)]));
}

/** The text, or undefined when the bytes are not UTF-8. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

/** At most `width` characters; if something was cut off, the last one is `…`. */
export function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

function escaped(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  if (code >= 0xdc80 && code <= 0xdcff) return `\\x${hex(code - 0xdc00, 2)}`;
  if (code > 0xffff) return `\\u{${hex(code, 5)}}`;
  return code <= 0xff ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}
