import type { StandardSchemaV1 } from '@standard-schema/spec';
import { textOfThrown } from '../model/errors.js';
import { printable } from '../model/printable.js';

/**
 * Turns one key's bytes into an item; what it throws (or rejects with) puts the key in quarantine.
 * @param key relative to the collection's prefix.
 * @param reject tells of a part of the value that cannot be used while the rest can: the item is taken, and the key is
 *   listed in quarantine with the reason.
 */
export type Decode<T> = (value: Uint8Array, key: string, reject: (reason: string) => void) => T | PromiseLike<T>;

/** How the bytes are read before the schema sees them. */
export type Format = 'json' | 'text' | 'bytes';

/** How items come from bytes: by a schema of any library that speaks Standard Schema (zod, valibot, …), or by a function. */
export type DecodeOptions<T> =
  | {
      readonly schema: StandardSchemaV1<unknown, T>;
      /** Default: `json`. */
      readonly format?: Format;
      readonly decode?: never;
    }
  | { readonly decode: Decode<T>; readonly schema?: never; readonly format?: never };

/**
 * Sees each good item before it is shown. What it returns is shown in its place (nothing: the item itself); what it
 * throws (or rejects with) puts the key in quarantine.
 * @param key relative to the collection's prefix.
 */
export type OnItem<T, U> = (item: T, key: string) => U | PromiseLike<U>;

/** What is shown of items T by an `onItem` that returns U. */
// biome-ignore lint/suspicious/noConfusingVoidType: what a function returns that returns nothing
export type Shown<T, U> = Exclude<U, undefined | void> | (undefined extends U ? T : never);

/** What became of one value. */
export type DecodeResult<T> = { readonly item: T; readonly rejected?: string } | { readonly reason: string };

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** How many of a schema's issues a reason lists. */
const LISTED_ISSUES = 3;

/**
 * Decodes one value and never throws: whatever the bytes are and whatever the user's function does, there is an outcome.
 * Synchronous as long as the schema or function is, so that many values do not cost a turn each.
 */
export function decodeValue<T, U = T>(
  options: DecodeOptions<T> & { readonly onItem?: OnItem<T, U> },
  value: Uint8Array,
  key: string,
): DecodeResult<Shown<T, U>> | Promise<DecodeResult<Shown<T, U>>> {
  const { onItem } = options;
  // Where there is no onItem, U is T.
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
 * @throws Error when they are not UTF-8, not JSON, or hold a `__proto__` key, which a careless merge makes a prototype.
 */
export function parseJson(value: Uint8Array): unknown {
  const text = parseText(value);
  try {
    // An escape may hide the name, so both ways of writing it pay for the look at every key.
    const suspicious = text.includes('__proto__') || text.includes('\\u');
    return JSON.parse(text, suspicious ? refuseProto : undefined);
  } catch (error) {
    if (error instanceof SyntaxError) throw new Error(`not JSON: ${withoutExcerpt(error.message)}`);
    // The reviver recurses.
    if (error instanceof RangeError) throw new Error('not JSON that can be read: it is nested too deeply');
    throw error;
  }
}

/**
 * Decodes text from bytes.
 * @throws Error when they are not UTF-8.
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

/** What `onItem` makes of an item. */
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

/** A promise of any library. */
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

/** V8 quotes what it could not parse, and a value may be a secret. */
function withoutExcerpt(message: string): string {
  return message.replace(/,? ?(?:\.\.\.)?".*"(?:\.\.\.)? is not valid JSON$/s, '');
}
