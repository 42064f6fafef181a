import type { StandardSchemaV1 } from '@standard-schema/spec';
import { textOfThrown } from '../model/errors.js';
import { printable } from '../model/printable.js';

/**
 * Turns one key's bytes into an item. If it throws or rejects, the key goes into quarantine with the reason.
 * @param key relative to the collection's prefix.
 * @param reject reports a part of the value that cannot be used. The item is taken, and the key is listed in
 *   quarantine.
 */
export type Decode<T> = (value: Uint8Array, key: string, reject: (reason: string) => void) => T | PromiseLike<T>;

/** How bytes are parsed before the schema sees them. */
export type Format = 'json' | 'text' | 'bytes';

/** How items are made: by a schema of any library with Standard Schema (zod, valibot, …), or by a function. */
export type DecodeOptions<T> =
  | {
      readonly schema: StandardSchemaV1<unknown, T>;
      /** Default: `json`. */
      readonly format?: Format;
      readonly decode?: never;
    }
  | { readonly decode: Decode<T>; readonly schema?: never; readonly format?: never };

/**
 * Called with each good item before it is shown. What it returns is shown instead (if nothing, the item). If it throws
 * or rejects, the key goes into quarantine.
 * @param key relative to the collection's prefix.
 */
export type OnItem<T, U> = (item: T, key: string) => U | PromiseLike<U>;

/** The type that is shown for items T with an `onItem` that returns U. */
// biome-ignore lint/suspicious/noConfusingVoidType: what a function returns that returns nothing
export type Shown<T, U> = Exclude<U, undefined | void> | (undefined extends U ? T : never);

/** The result of decoding one value. */
export type DecodeResult<T> = { readonly item: T; readonly rejected?: string } | { readonly reason: string };

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The most schema issues that a reason lists. */
const LISTED_ISSUES = 3;

/**
 * Decodes one value. Never throws, whatever the bytes and the user's function do. Synchronous if the schema or function
 * is, so that many values do not cost a turn of the event loop each.
 */
export function decodeValue<T, U = T>(
  options: DecodeOptions<T> & { readonly onItem?: OnItem<T, U> },
  value: Uint8Array,
  key: string,
): DecodeResult<Shown<T, U>> | Promise<DecodeResult<Shown<T, U>>> {
  const { onItem } = options;
  // Without onItem, U is T.
  const seen = (outcome: DecodeResult<T>): DecodeResult<Shown<T, U>> | Promise<DecodeResult<Shown<T, U>>> =>
    onItem === undefined || !('item' in outcome) ? (outcome as DecodeResult<Shown<T, U>>) : shown(onItem, outcome, key);
  try {
    const outcome =
      options.schema === undefined
        ? decodeByFunction(options.decode, value, key)
        : decodeBySchema(options.schema, readAs(options.format ?? 'json', value));
    return outcome instanceof Promise ? outcome.then(seen).catch(failure) : seen(outcome);
  } catch (error) {
    return failure(error);
  }
}

/**
 * Parses JSON from bytes.
 * @throws Error if they are not UTF-8 or not JSON, or hold a `__proto__` key, which a careless merge would make a
 *   prototype.
 */
export function parseJson(value: Uint8Array): unknown {
  const text = parseText(value);
  try {
    // The name may be written with an escape (`\u005f`): then every key is checked.
    const suspicious = text.includes('__proto__') || text.includes('\\u');
    return JSON.parse(text, suspicious ? refuseProto : undefined);
  } catch (error) {
    if (error instanceof SyntaxError) throw new Error(`not JSON: ${withoutExcerpt(error.message)}`);
    // A reviver recurses, and can overflow the stack.
    if (error instanceof RangeError) throw new Error('not JSON that can be read: it is nested too deeply');
    throw error;
  }
}

/**
 * Decodes text from bytes.
 * @throws Error if they are not UTF-8.
 */
export function parseText(value: Uint8Array): string {
  try {
    return utf8.decode(value);
  } catch {
    throw new Error('not UTF-8 text');
  }
}

function readAs(format: Format, value: Uint8Array): unknown {
  if (format === 'bytes') return value;
  return format === 'text' ? parseText(value) : parseJson(value);
}

/** Runs `onItem` on an item. */
function shown<T, U>(
  onItem: OnItem<T, U>,
  outcome: Extract<DecodeResult<T>, { item: T }>,
  key: string,
): DecodeResult<Shown<T, U>> | Promise<DecodeResult<Shown<T, U>>> {
  const returned = onItem(outcome.item, key);
  const taken = (other: U): DecodeResult<Shown<T, U>> =>
    ({ ...outcome, item: other === undefined ? outcome.item : other }) as DecodeResult<Shown<T, U>>;
  return isThenable(returned) ? Promise.resolve(returned).then(taken, failure) : taken(returned);
}

function decodeByFunction<T>(
  decode: Decode<T>,
  value: Uint8Array,
  key: string,
): DecodeResult<T> | Promise<DecodeResult<T>> {
  const rejected: string[] = [];
  const outcome = (item: T): DecodeResult<T> =>
    rejected.length === 0 ? { item } : { item, rejected: printable(rejected.join('; ')) };
  const item = decode(value, key, (reason) => rejected.push(reason));
  return isThenable(item) ? Promise.resolve(item).then(outcome, failure) : outcome(item);
}

function decodeBySchema<T>(
  schema: StandardSchemaV1<unknown, T>,
  input: unknown,
): DecodeResult<T> | Promise<DecodeResult<T>> {
  const outcome = (result: StandardSchemaV1.Result<T>): DecodeResult<T> =>
    result.issues === undefined ? { item: result.value } : { reason: printable(describe(result.issues)) };
  const result = schema['~standard'].validate(input);
  return isThenable(result) ? Promise.resolve(result).then(outcome, failure) : outcome(result);
}

/** A promise of any library (a thenable). */
function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

function describe(issues: readonly StandardSchemaV1.Issue[]): string {
  const listed = issues.slice(0, LISTED_ISSUES).map(({ message, path = [] }) => {
    const where = path.map((segment) => String(typeof segment === 'object' ? segment.key : segment)).join('.');
    return where === '' ? message : `${where}: ${message}`;
  });
  const more = issues.length - listed.length;
  return `${listed.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}

function failure(error: unknown): { readonly reason: string } {
  return { reason: printable(textOfThrown(error)) };
}

function refuseProto(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new Error('it has a "__proto__" key');
  return value;
}

/** V8's message quotes the text, which may be a secret: the quotation is removed. */
function withoutExcerpt(message: string): string {
  return message.replace(/,? ?(?:\.\.\.)?".*"(?:\.\.\.)? is not valid JSON$/s, '');
}
