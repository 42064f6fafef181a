import { keyFromBytes, keyToBytes, type WatchError } from '@rollcall/core';
import { isEscapedKey, quote } from '@rollcall/core/internal';
import { visit } from 'jsonc-parser';
import { unreadable } from './errors.js';

/** One member of the top object, as offsets into the text: the beginning of its key, and its value. */
interface JsonMember {
  readonly key: string;
  readonly from: number;
  readonly valueFrom: number;
  readonly to: number;
}

/**
 * Reads the keys and values of a JSON document.
 * @throws WatchError UNREADABLE, with the line if it is known, if the text is not one object with distinct keys.
 */
export function parseJson(path: string, text: string): Map<string, Uint8Array> {
  const entries = new Map<string, Uint8Array>();
  for (const member of membersOf(path, text)) {
    if (entries.has(member.key)) {
      const line = lineAt(text, member.from);
      throw unreadable(path, `the key ${quote(member.key)} is there twice (line ${line}); remove one`);
    }
    entries.set(member.key, jsonValue(text.slice(member.valueFrom, member.to)));
  }
  return entries;
}

/** The text with one key set, or removed if no value is given. All other bytes stay as they are. */
export function editJson(path: string, text: string, key: string, value: Uint8Array | undefined): string {
  const members = membersOf(path, text);
  const at = members.findIndex((member) => member.key === key);
  const member = members[at];
  if (value === undefined) return member === undefined ? text : remove(text, members, at);
  const literal = JSON.stringify(keyFromBytes(value));
  if (member !== undefined) return text.slice(0, member.valueFrom) + literal + text.slice(member.to);
  const added = `${JSON.stringify(key)}: ${literal}`;
  const open = text.indexOf('{') + 1;
  const first = members[0];
  const last = members.at(-1);
  if (first === undefined || last === undefined) {
    return `${text.slice(0, open)}\n  ${added}\n${text.slice(text.lastIndexOf('}'))}`;
  }
  return `${text.slice(0, last.to)},${text.slice(open, first.from)}${added}${text.slice(last.to)}`;
}

function remove(text: string, members: readonly JsonMember[], at: number): string {
  const before = members[at - 1];
  const after = members[at + 1];
  const from = before === undefined ? (members[at] as JsonMember).from : before.to;
  const to = before === undefined && after !== undefined ? after.from : (members[at] as JsonMember).to;
  return text.slice(0, from) + text.slice(to);
}

/**
 * JSON.parse drops repeated keys, and digits of large numbers: so it only checks the text, whose members are read
 * separately.
 */
function membersOf(path: string, text: string): JsonMember[] {
  let top: unknown;
  try {
    top = JSON.parse(text);
  } catch (error) {
    throw notJson(path, text, error);
  }
  if (typeof top !== 'object' || top === null || Array.isArray(top)) {
    throw unreadable(path, 'its top is not an object of keys to values; write {} for no keys');
  }
  return scan(text);
}

/** Finds the members of a text that is a JSON object. */
function scan(text: string): JsonMember[] {
  const members: JsonMember[] = [];
  let depth = 0;
  let key = '';
  let from = 0;
  let valueFrom = 0;
  const begin = (offset: number): void => {
    if (depth++ === 1) valueFrom = offset;
  };
  const end = (offset: number, length: number): void => {
    if (--depth === 1) members.push({ key, from, valueFrom, to: offset + length });
  };
  visit(text, {
    onObjectBegin: begin,
    onArrayBegin: begin,
    onObjectEnd: end,
    onArrayEnd: end,
    onLiteralValue: (_value, offset, length) => {
      begin(offset);
      end(offset, length);
    },
    onObjectProperty: (property, offset) => {
      if (depth === 1) [key, from] = [normalKey(property), offset];
    },
  });
  return members;
}

function jsonValue(raw: string): Uint8Array {
  if (raw === 'null') return new Uint8Array();
  if (raw.startsWith('"')) return keyToBytes(JSON.parse(raw) as string);
  // A scalar keeps its text: JSON.stringify would round 12345678901234567890, and change 1.10.
  const isNested = raw.startsWith('{') || raw.startsWith('[');
  return keyToBytes(isNested ? JSON.stringify(JSON.parse(raw)) : raw);
}

/** Escaped bytes that form UTF-8 name the same key as the text. */
export function normalKey(text: string): string {
  return isEscapedKey(text) ? keyFromBytes(keyToBytes(text)) : text;
}

/** Gives the position alone: the engine's message quotes the document, which may hold secrets. */
function notJson(path: string, text: string, error: unknown): WatchError {
  if (!(error instanceof SyntaxError)) throw error;
  const offsets: number[] = [];
  visit(text, { onError: (_error, offset) => offsets.push(offset) }, { disallowComments: true });
  const [offset = text.length] = offsets;
  const isAtEnd = text.slice(offset).trim() === '';
  const where = isAtEnd ? 'at its end' : `at line ${lineAt(text, offset)}`;
  return unreadable(path, `it is not valid JSON ${where} (half-written, or a comment?); correct it there`);
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}
