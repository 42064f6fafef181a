import { type Entry, type Revision, WatchError } from '@rollcall/core';
import type { FullRead } from '@rollcall/core/adapter';
import { readOnce } from '@rollcall/core/internal';
import { entryLine } from '../output/jsonLines.js';
import { printable, printableLines, textOf } from '../output/printable.js';
import { count, entryText } from '../output/terminalLines.js';
import { ANSWER_MS, inTime, type Session, warnOfPrefix } from '../session/session.js';

export interface GetCommandOptions {
  readonly prefix?: string;
  /** Reads the state at this revision instead of the present one. */
  readonly at?: Revision;
}

/**
 * Prints one exact key's value, or all entries under a prefix, now or at a revision.
 * @throws WatchError NOT_FOUND if the exact key does not exist; the errors of `readOnce` for `at`; an error of the
 *   backend.
 */
export async function get(session: Session, url: string, { prefix, at }: GetCommandOptions): Promise<void> {
  const { source, target, release } = session.rollcall.open(url, prefix === undefined ? {} : { prefix });
  try {
    warnOfPrefix(session, target);
    const past = at === undefined ? {} : { at };
    const found = await inTime(session, { defaultMs: ANSWER_MS, whom: url }, (signal) =>
      readOnce(source, target, { signal, ...past }),
    );
    if (target.exact) await printValue(session, target.prefix, found, at);
    else await session.out.lines(entryLines(session, target.prefix, found));
  } finally {
    await release();
  }
}

async function printValue(session: Session, key: string, found: FullRead, at: Revision | undefined): Promise<void> {
  const [first] = found.entries;
  if (first === undefined) {
    const when = at === undefined ? 'is' : 'was';
    const where = at === undefined ? '' : ` at revision ${at}`;
    throw new WatchError('NOT_FOUND', `There ${when} no key "${printable(key)}"${where}.`);
  }
  await session.out.write(valueOutput(session, key, first[1], found.revision));
}

/** Prints only the value: on a pipe byte for byte, as JSON only with `--json`. */
function valueOutput({ jsonAsked, io }: Session, key: string, entry: Entry, revision: Revision): string | Uint8Array {
  if (jsonAsked) return `${entryLine(key, entry, revision)}\n`;
  if (!io.stdout.isTTY) return entry.value;
  const text = textOf(entry.value);
  return `${text === undefined ? `(${count(entry.value.length, 'byte')}, not text)` : printableLines(text)}\n`;
}

function* entryLines(session: Session, prefix: string, { entries, revision }: FullRead): Generator<string> {
  for (const [key, entry] of entries) {
    yield session.json ? entryLine(prefix + key, entry, revision) : entryText(prefix + key, entry, session);
  }
}
