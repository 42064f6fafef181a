import { WatchError } from '@rollcall/core';
import { isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import { yamlReason } from './yamlReason.js';

/** A configuration as plain values, and where each of them stands, for error messages. */
export interface ConfigDocument {
  readonly value: unknown;
  /**
   * As `rollcall.yaml:7: watches.orders.source`.
   * @param shown what is named, where the path itself may hold a secret. Default: the path.
   */
  where(path: readonly string[], shown?: readonly string[]): string;
}

/** @throws WatchError INVALID_OPTION naming file and line when the text is no YAML. */
export function readDocument(text: string, file: string): ConfigDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const broken = document.errors[0];
  if (broken !== undefined) {
    const { line, col } = lines.linePos(broken.pos[0]);
    throw new WatchError('INVALID_OPTION', `${file}:${line}:${col}: this is not YAML: ${yamlReason(broken.code)}.`);
  }
  return {
    value: plain(document, file),
    where: (path, shown = path) => {
      const offset = offsetOf(document.contents, path);
      const place = offset === undefined ? `${file}:` : `${file}:${lines.linePos(offset).line}:`;
      return [place, ...(shown.length > 0 ? [shown.join('.')] : [])].join(' ');
    },
  };
}

/** A configuration given as an object. */
export function objectDocument(value: unknown): ConfigDocument {
  return { value, where: (path, shown = path) => ['config', ...shown].join('.') };
}

function plain(document: { toJS(): unknown }, file: string): unknown {
  try {
    return document.toJS();
  } catch {
    // Without the parser's reason and without it as a cause: it quotes the document.
    const fix = 'put text that begins with * in quotes, or set its anchor (&name) before it';
    throw new WatchError('INVALID_OPTION', `${file}: an alias (*name) cannot be followed; ${fix}.`);
  }
}

/** Where the last key of the path stands, or the deepest that is written out (below an alias nothing is). */
function offsetOf(root: Node | null, path: readonly string[]): number | undefined {
  let node: unknown = root;
  let offset: number | undefined;
  for (const name of path) {
    if (!isMap(node)) break;
    const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === name);
    if (!isScalar(pair?.key)) break;
    offset = pair.key.range?.[0] ?? offset;
    node = pair.value;
  }
  return offset;
}
