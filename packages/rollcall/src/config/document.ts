import { WatchError } from '@rollcall/core';
import { isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml';

/** A configuration as plain values, and where each of them stands, for error messages. */
export interface ConfigDocument {
  readonly value: unknown;
  /** As `rollcall.yaml:7: watches.orders.source`. */
  where(path: readonly string[]): string;
}

/** @throws WatchError INVALID_OPTION naming file and line when the text is no YAML. */
export function readDocument(text: string, file: string): ConfigDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const broken = document.errors[0];
  if (broken !== undefined) {
    const { line, col } = lines.linePos(broken.pos[0]);
    // What the parser quotes of the document may be a password.
    const reason = broken.message.replace(/: ".*$/s, '');
    throw new WatchError('INVALID_OPTION', `${file}:${line}:${col}: this is not YAML (${reason}).`);
  }
  return {
    value: plain(document, file),
    where: (path) => {
      const offset = offsetOf(document.contents, path);
      const place = offset === undefined ? `${file}:` : `${file}:${lines.linePos(offset).line}:`;
      return [place, ...(path.length > 0 ? [path.join('.')] : [])].join(' ');
    },
  };
}

/** A configuration given as an object. */
export function objectDocument(value: unknown): ConfigDocument {
  return { value, where: (path) => ['config', ...path].join('.') };
}

function plain(document: { toJS(): unknown }, file: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    const reason = (error as Error).message;
    throw new WatchError('INVALID_OPTION', `${file}: an alias cannot be followed (${reason}).`, { cause: error });
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
