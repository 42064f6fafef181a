import { WatchError } from '@rollcall/core';
import { readYamlText, YamlError, type YamlText } from '@rollcall/local';
import { isMap, isScalar, type Node } from 'yaml';

/** A configuration as plain values, with the place of each, for messages. */
export interface ConfigDocument {
  readonly value: unknown;
  /**
   * As `rollcall.yaml:7: watches.orders.source`.
   * @param shown the path in the message, if the real one may hold a secret. Default: the path.
   */
  where(path: readonly string[], shown?: readonly string[]): string;
}

/** @throws WatchError INVALID_OPTION that names file and line if the text is no YAML. */
export function readDocument(text: string, file: string): ConfigDocument {
  const { document, lineAt } = readText(text, file);
  return {
    value: plain(document, file),
    where: (path, shown = path) => {
      const offset = offsetOf(document.contents, path);
      const place = offset === undefined ? `${file}:` : `${file}:${lineAt(offset)}:`;
      return [place, ...(shown.length > 0 ? [shown.join('.')] : [])].join(' ');
    },
  };
}

function readText(text: string, file: string): YamlText {
  try {
    return readYamlText(text, { uniqueKeys: true });
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    const { line, column, message } = error;
    throw new WatchError('INVALID_OPTION', `${file}:${line}:${column}: this is not YAML: ${message}.`);
  }
}

/** A configuration given as an object. */
export function objectDocument(value: unknown): ConfigDocument {
  return { value, where: (path, shown = path) => ['config', ...shown].join('.') };
}

function plain(document: { toJS(): unknown }, file: string): unknown {
  try {
    return document.toJS();
  } catch {
    // Without the parser's reason, and without it as a cause: it quotes the document.
    const fix = 'put text that begins with * in quotes, or set its anchor (&name) before it';
    throw new WatchError('INVALID_OPTION', `${file}: an alias (*name) cannot be followed; ${fix}.`);
  }
}

/** The offset of the path's last key; of the deepest key in the text, if an alias stands above it. */
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
