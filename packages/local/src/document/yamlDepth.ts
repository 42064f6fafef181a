/** The most levels of nesting: far more than a list of keys or a configuration has. */
export const MAX_DEPTH = 100;

/** The line, from 1, at which the text is nested too deeply. */
export interface DepthPlace {
  readonly line: number;
  readonly col: number;
}

/**
 * Finds nesting of more than 100 levels from the lexer's tokens, before any recursive function sees the text. In flow
 * style each bracket is a level. In block style a level begins at a token further right than its parent; a list may
 * stand as far right as its key, so there are at most two levels for each column.
 * @param tokens the tokens of yaml's Lexer: the whole text, and some marks without a width.
 */
export function depthError(tokens: Iterable<string>): DepthPlace | undefined {
  let place: DepthPlace = { line: 1, col: 1 };
  let flow = 0;
  let columns: number[] = [];
  for (const token of tokens) {
    if (MARKS.includes(token)) continue;
    if (/^[[{]$/.test(token)) flow++;
    // Surplus closing brackets are an error; the parser spends seconds on thousands of them.
    else if (/^[\]}]$/.test(token) && --flow < -MAX_DEPTH) return place;
    else if (flow === 0 && !/^\s*$/.test(token)) {
      const { col } = place;
      columns = columns.filter((column) => column < col);
      columns.push(col);
    }
    if (Math.max(0, flow) + columns.length > MAX_DEPTH) return place;
    place = after(place, token);
  }
  return undefined;
}

/** Marks that the lexer puts before a token: byte order mark, document, end of flow content, scalar. */
const MARKS: readonly string[] = ['\ufeff', '\x02', '\x18', '\x1f'];

function after({ line, col }: DepthPlace, token: string): DepthPlace {
  const breaks = token.split('\n').length - 1;
  if (breaks === 0) return { line, col: col + token.length };
  return { line: line + breaks, col: token.length - token.lastIndexOf('\n') };
}
