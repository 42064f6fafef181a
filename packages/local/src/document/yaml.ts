import { keyFromBytes, keyToBytes, type WatchError } from '@rollcall/core';
import { isEscapedKey, quote } from '@rollcall/core/internal';
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type Node,
  Pair,
  Scalar,
  visit,
  type YAMLMap,
} from 'yaml';
import { unreadable } from './errors.js';
import { normalKey } from './json.js';
import { MAX_DEPTH } from './yamlDepth.js';
import { isMergeKey, readYamlText, YamlError, type YamlText } from './yamlText.js';

/**
 * The limit for expanded aliases (an alias bomb), in units of output: so many for each character, and some more for
 * small documents. Without aliases no character makes more than 6 units (a control character in JSON is \u0007).
 */
const MAX_EXPANSION = 8;
const FREE_EXPANSION = 1024 * 1024;
/** A JSON number (RFC 8259, section 6). */
const JSON_NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/**
 * Reads the keys and values of a YAML document.
 * @throws WatchError UNREADABLE, with the line, if the text is not one map with distinct keys.
 */
export function parseYaml(path: string, text: string): Map<string, Uint8Array> {
  const yaml = new YamlReader(path, text);
  const entries = new Map<string, Uint8Array>();
  for (const { key, value } of yaml.map.items) entries.set(yaml.keyOf(key), yaml.bytesOf(value));
  return entries;
}

/** The text with one key set, or removed if no value is given. Comments and order stay. */
export function editYaml(path: string, text: string, key: string, value: Uint8Array | undefined): string {
  const { document, map, keyOf } = new YamlReader(path, text);
  const at = map.items.findIndex((pair) => keyOf(pair.key) === key);
  const pair = map.items[at];
  if (value === undefined) {
    if (pair !== undefined) map.items.splice(at, 1);
  } else if (pair === undefined) {
    // An empty map is written `{}`; a map with members is written in lines.
    if (map.items.length === 0) map.flow = false;
    map.items.push(new Pair(quoted(key), newValue(document, value)));
  } else {
    const old = pair.value;
    pair.value = newValue(document, value);
    if (isNode(old)) {
      pair.value.comment = old.comment ?? null;
      pair.value.commentBefore = old.commentBefore ?? null;
    }
  }
  return document.toString({ lineWidth: 0 });
}

/** A parsed document, with its aliases resolved in one pass. */
class YamlReader {
  readonly document: Document.Parsed;
  readonly map: YAMLMap<Node, Node | null>;
  readonly #path: string;
  readonly #text: YamlText;
  readonly #targets = new Map<Alias, Node>();
  #left: number;

  constructor(path: string, text: string) {
    this.#path = path;
    this.#left = FREE_EXPANSION + MAX_EXPANSION * text.length;
    this.#text = readText(path, text);
    this.document = this.#text.document;
    if (!isMap(this.document.contents)) {
      throw this.#unreadable('its top is not a map of keys to values; write {} for no keys');
    }
    this.map = this.document.contents as YAMLMap<Node, Node | null>;
    this.#check();
  }

  readonly keyOf = (node: unknown): string => {
    const key = this.#follow(node);
    if (key === null || key === undefined) return '';
    if (!isScalar(key)) throw this.#unreadable(`the key${this.#lineOf(node)} is not a scalar; put it in quotes`);
    if (isMergeKey(key)) {
      const fix = 'write out what it merges, or put it in quotes if it is a key';
      throw this.#unreadable(`the merge key <<${this.#lineOf(node)} is not supported; ${fix}`);
    }
    if (key.value instanceof Uint8Array) return keyFromBytes(key.value);
    // Keys are taken as they are written: 0x10 and 1.10 are keys of their own.
    return normalKey(typeof key.value === 'string' ? key.value : (key.source ?? String(key.value)));
  };

  /** The value's bytes: a string's UTF-8, none for null, those of `!!binary`, otherwise its JSON. */
  bytesOf(node: unknown): Uint8Array {
    const value = this.#follow(node);
    if (value === null || value === undefined) return new Uint8Array();
    if (isScalar(value)) {
      if (value.value === null) return new Uint8Array();
      if (value.value instanceof Uint8Array) return this.#spend(value.value);
      if (typeof value.value === 'string') return keyToBytes(this.#spend(value.value));
    }
    return keyToBytes(this.#json(value));
  }

  /** Each step takes at least one unit, so that the expansion of aliases ends. */
  #json(node: unknown, depth = 0): string {
    if (depth > MAX_DEPTH) {
      throw this.#unreadable(`aliases nest it more than ${MAX_DEPTH} levels deep, or one contains itself; flatten it`);
    }
    const value = this.#follow(node);
    if (value === null || value === undefined) return this.#spend('null');
    if (isScalar(value)) return this.#spend(scalarJson(value));
    this.#spend('[]');
    if (isSeq(value)) return `[${value.items.map((item) => this.#json(item, depth + 1)).join(',')}]`;
    if (isMap(value)) {
      const member = (pair: Pair): string =>
        `${this.#spend(JSON.stringify(this.keyOf(pair.key)))}:${this.#json(pair.value, depth + 1)}`;
      return `{${value.items.map(member).join(',')}}`;
    }
    throw this.#unreadable(`the value${this.#lineOf(node)} is of a kind that has no JSON form; write a map or a list`);
  }

  /** Finds repeated keys, and each alias's target: the last anchor of its name before it (YAML 1.2.2, 7.1). */
  #check(): void {
    const anchors = new Map<string, Node>();
    const maps: YAMLMap[] = [];
    visit(this.document, {
      Node: (_key, node) => {
        if (isAlias(node)) {
          const target = anchors.get(node.source);
          if (target === undefined) {
            const fix = 'set its anchor (&name) before it, or put text that begins with * in quotes';
            throw this.#unreadable(`an alias${this.#lineOf(node)} has no anchor before it; ${fix}`);
          }
          this.#targets.set(node, target);
        } else if ('anchor' in node && node.anchor) anchors.set(node.anchor, node);
        if (isMap(node)) maps.push(node);
      },
    });
    for (const map of maps) this.#checkKeys(map);
  }

  #checkKeys(map: YAMLMap): void {
    const seen = new Set<string>();
    for (const { key } of map.items) {
      const text = this.keyOf(key);
      if (seen.has(text)) {
        throw this.#unreadable(`the key ${quote(text)} is there twice${this.#lineOf(key)}; remove one`);
      }
      seen.add(text);
    }
  }

  #follow(node: unknown): unknown {
    return isAlias(node) ? this.#targets.get(node) : node;
  }

  #spend<T extends { readonly length: number }>(part: T): T {
    this.#left -= part.length + 1;
    if (this.#left < 0) {
      throw this.#unreadable(`its aliases expand it to more than ${MAX_EXPANSION} times its size; use fewer of them`);
    }
    return part;
  }

  #lineOf(node: unknown): string {
    const line = this.#text.lineOf(node);
    return line === undefined ? '' : ` at line ${line}`;
  }

  #unreadable(why: string): WatchError {
    return unreadable(this.#path, why);
  }
}

/**
 * Repeated keys are found in one pass by `#check`: the parser compares every pair, which takes minutes at 100,000 keys.
 */
function readText(path: string, text: string): YamlText {
  try {
    return readYamlText(text, { uniqueKeys: false });
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    const { line, message, mayBeCut } = error;
    const why = mayBeCut ? `it is not valid YAML: ${message} (half-written?); correct it there` : message;
    throw unreadable(path, `at line ${line}, ${why}`);
  }
}

function scalarJson({ value, source }: Scalar): string {
  if (typeof value === 'number' && source !== undefined && JSON_NUMBER.test(source)) return source;
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString('base64'));
  return JSON.stringify(typeof value === 'bigint' ? String(value) : value) ?? 'null';
}

/** Escaped bytes (`\udcff`), and a key that looks like a merge key, need double quotes. */
function quoted(text: string): Scalar {
  const scalar = new Scalar(text);
  if (isEscapedKey(text) || text === '<<') scalar.type = Scalar.QUOTE_DOUBLE;
  return scalar;
}

function newValue(document: Document, value: Uint8Array): Node {
  const text = keyFromBytes(value);
  return isEscapedKey(text) ? document.createNode(value, { tag: '!!binary' }) : document.createNode(text);
}
