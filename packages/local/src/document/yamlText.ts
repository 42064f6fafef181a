import { type Document, isNode, isScalar, Lexer, LineCounter, parseDocument } from 'yaml';
import { depthError, MAX_DEPTH } from './yamlDepth.js';
import { yamlReason } from './yamlReason.js';

/** A parsed YAML text with one document. */
export interface YamlText {
  readonly document: Document.Parsed;
  /** The line, from 1, of a node; undefined for a node that is not in the text. */
  lineOf(node: unknown): number | undefined;
  /** The line, from 1, of an offset into the text. */
  lineAt(offset: number): number;
}

export interface YamlTextOptions {
  /** Refuses repeated keys in a map. Compares every pair of keys, so use it for small documents only. */
  readonly uniqueKeys: boolean;
}

/**
 * Why a text is not one usable YAML document. The message quotes nothing of the document, which may hold a password.
 */
export class YamlError extends Error {
  override readonly name = 'YamlError';
  /** The line or column, from 1. */
  readonly line: number;
  readonly column: number;
  /** Whether the text may be the beginning of a usable one. */
  readonly mayBeCut: boolean;

  constructor(reason: string, { line, col }: { readonly line: number; readonly col: number }, mayBeCut: boolean) {
    super(reason);
    this.line = line;
    this.column = col;
    this.mayBeCut = mayBeCut;
  }
}

/**
 * Parses a text with one YAML document.
 * @throws YamlError also for more than 100 levels of nesting, several documents, and a merge key (`<<`).
 */
export function readYamlText(text: string, { uniqueKeys }: YamlTextOptions): YamlText {
  const lines = new LineCounter();
  // The parser is recursive: 10 KB of text, nested 5,000 deep, would end the process.
  const tooDeep = depthError(new Lexer().lex(text));
  if (tooDeep !== undefined) {
    throw new YamlError(`it is nested more than ${MAX_DEPTH} levels deep; flatten it`, tooDeep, false);
  }
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false, // they quote the document
    logLevel: 'error', // a warning goes to standard error, and quotes too
    uniqueKeys,
    customTags: ['binary'],
  });
  const [broken] = document.errors;
  if (broken !== undefined) {
    const place = lines.linePos(broken.pos[0]);
    throw new YamlError(yamlReason(broken.code), place, broken.code !== 'MULTIPLE_DOCS');
  }
  return {
    document,
    lineOf: (node) => (isNode(node) && node.range ? lines.linePos(node.range[0]).line : undefined),
    lineAt: (offset) => lines.linePos(offset).line,
  };
}

/** Whether a key is YAML 1.1's merge key. As a plain key it would leave out what it merges. */
export function isMergeKey(key: unknown): boolean {
  return isScalar(key) && key.type === 'PLAIN' && key.source === '<<';
}
