import { type Entry, type Found, type Revision, readOnce, WatchError } from '@rollcall/core';
import { entryLine } from '../jsonLines.js';
import { printable, printableLines, textOf } from '../printable.js';
import { ANSWER_MS, inTime, type Session, warnOfPrefix } from '../session.js';
import { count, entryText } from '../terminalLines.js';

export interface GetOptions {
  readonly prefix?: string;
}

/**
 * Prints what is there now: one exact key's value, or all entries under a prefix.
 * @throws WatchError NOT_FOUND when the exact key is not there; what the backend says.
 */
export async function get(session: Session, url: string, { prefix }: GetOptions): Promise<void> {
  const { source, target, release } = session.rollcall.open(url, prefix === undefined ? {} : { prefix });
  try {
    warnOfPrefix(session, target);
    const found = await inTime(session, ANSWER_MS, (signal) => readOnce(source, target, { signal }));
    if (target.exact) await printValue(session, target.prefix, found);
    else await session.out.lines(entryLines(session, target.prefix, found));
  } finally {
    await release();
  }
}

async function printValue(session: Session, key: string, found: Found): Promise<void> {
  const [first] = found.entries;
  if (first === undefined) throw new WatchError('NOT_FOUND', `There is no key "${printable(key)}".`);
  await session.out.write(valueOutput(session, key, first[1], found.revision));
}

/** The value alone, on a pipe byte for byte; as a JSON object only when that is asked for. */
function valueOutput({ jsonAsked, io }: Session, key: string, entry: Entry, revision: Revision): string | Uint8Array {
  if (jsonAsked) return `${entryLine(key, entry, revision)}\n`;
  if (!io.stdout.isTTY) return entry.value;
  const text = textOf(entry.value);
  return `${text === undefined ? `(${count(entry.value.length, 'byte')}, not text)` : printableLines(text)}\n`;
}

function* entryLines(session: Session, prefix: string, { entries, revision }: Found): Generator<string> {
  for (const [key, entry] of entries) {
    yield session.json ? entryLine(prefix + key, entry, revision) : entryText(prefix + key, entry, session);
  }
}
