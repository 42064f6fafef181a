import { resolve } from 'node:path';
import { WatchError } from '@rollcall/core';
import type { ConfigDocument } from './document.js';
import { type Environment, substitute } from './environment.js';
import { whyUnread } from './readText.js';

/** The document, and what its fields refer to. */
export interface FieldContext {
  readonly document: ConfigDocument;
  readonly folder: string;
  readonly readFile: (path: string) => string;
  readonly checkUrl: (url: string) => void;
  readonly env?: Environment;
}

/** The form of a key; anything else may be a value in the wrong place. */
const WORD = /^[a-z][a-z0-9_-]{0,40}$/i;

export function mapAt(
  context: FieldContext,
  path: readonly string[],
  value: unknown,
  fix: string,
): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw wrong(
    context,
    path,
    `${value === undefined || value === null ? 'is empty' : `is ${kind(value)}, not a map`}: ${fix}`,
  );
}

export function onlyKeys(
  context: FieldContext,
  path: readonly string[],
  map: Record<string, unknown>,
  known: readonly string[],
): void {
  const unknown = Object.keys(map).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  const here = `known here: ${known.join(', ')}`;
  if (map[unknown] !== null && WORD.test(unknown)) {
    throw wrong(context, [...path, unknown], `is not a known key; ${here}`);
  }
  // The key is not quoted: it may be a value in the place of a key, as in `? S3cret`, `password:S3cret`.
  const place = context.document.where([...path, unknown], path);
  throw new WatchError('INVALID_OPTION', `${place} has a key that is not known; ${here}.`);
}

export function textAt(context: FieldContext, path: readonly string[], value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw wrong(context, path, `is ${kind(value)}, not text: write it in quotes`);
  const { env } = context;
  if (env === undefined) return value;
  return substitute(value, env, (name) =>
    wrong(
      context,
      path,
      `needs the environment variable ${name}, which is not set: set it, or write a literal \${ as $\${`,
    ),
  );
}

export function flagAt(context: FieldContext, path: readonly string[], value: unknown): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value;
  throw wrong(context, path, `is ${kind(value)}: write true or false, without quotes`);
}

/** A list of texts, with environment variables filled in. */
export function textsAt(context: FieldContext, path: readonly string[], value: unknown): readonly string[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw wrong(context, path, `is ${kind(value)}, not a list: write [one, two]`);
  return value.map((each) => {
    const text = textAt(context, path, each);
    if (text === undefined) throw wrong(context, path, 'has an item without a value');
    return text;
  });
}

/** @param of the unit, with an example */
export function numberAt(
  context: FieldContext,
  path: readonly string[],
  value: unknown,
  of: string,
): number | undefined {
  if (value === undefined || (typeof value === 'number' && Number.isSafeInteger(value) && value > 0)) return value;
  throw wrong(context, path, `is ${kind(value)}: write a number of ${of}`);
}

export function pemAt(context: FieldContext, path: readonly string[], file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  const absolute = resolve(context.folder, file);
  try {
    return context.readFile(absolute);
  } catch (error) {
    throw wrong(context, path, `names a file that cannot be read (${whyUnread(error)}): give the path of a PEM file`);
  }
}

export function wrong(context: FieldContext, path: readonly string[], what: string, cause?: unknown): WatchError {
  return new WatchError('INVALID_OPTION', `${context.document.where(path)} ${what}.`, { cause });
}

/** The kind of a value, in words. Never the value, which may be a secret. */
function kind(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a map' : `a ${typeof value}`;
}
