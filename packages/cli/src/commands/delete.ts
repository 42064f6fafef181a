import { WatchError } from '@rollcall/core';
import type { Source, Target } from '@rollcall/core/adapter';
import { readOnce } from '@rollcall/core/internal';
import { jsonLine, keyFields } from '../output/jsonLines.js';
import { printable } from '../output/printable.js';
import { count } from '../output/terminalLines.js';
import { ANSWER_MS, inTime, type Session, warnOfPrefix, writerOf } from '../session/session.js';

export interface DeleteOptions {
  readonly recursive?: true;
  readonly prefix?: string;
}

/**
 * Deletes one exact key, or with `recursive` all keys under a prefix, and prints how many were deleted. If the backend
 * does not count, it is the number of keys read just before.
 * @throws WatchError INVALID_URL for a prefix without `recursive`, an exact key with it, services, or a whole store
 *   without an empty `--prefix`; UNSUPPORTED if the backend cannot write; an error of the backend.
 */
export async function remove(session: Session, url: string, { recursive, prefix }: DeleteOptions): Promise<void> {
  const { source, target, release } = session.rollcall.open(url, prefix === undefined ? {} : { prefix });
  try {
    checkScope(url, target, recursive ?? false, prefix);
    warnOfPrefix(session, target);
    const deleted = await deleteAll(session, source, target, url);
    const key = target.exact ? keyFields(target.prefix) : { prefix: target.prefix };
    const text = `${count(deleted, 'key')} deleted  ${session.paint('dim', printable(target.prefix))}`;
    await session.out.lines([session.json ? jsonLine({ type: 'deleted', ...key, count: deleted }) : text]);
  } finally {
    await release();
  }
}

/** Refuses to delete anything else, or more, than the user clearly asked for. */
function checkScope(url: string, target: Target, recursive: boolean, prefix: string | undefined): void {
  const wrong = (fix: string): WatchError => new WatchError('INVALID_URL', `delete: "${url}" ${fix}.`);
  if (target.query !== undefined) throw wrong('selects services: deregister them with Consul');
  if (!target.exact && !recursive) throw wrong('is a prefix: add --recursive to delete all keys under it');
  if (target.exact && recursive) throw wrong('is one exact key: end it with / to delete all keys under it');
  if (!target.exact && target.prefix === '' && prefix === undefined) {
    throw wrong('is the whole store: if every key is meant, say --prefix ""');
  }
}

async function deleteAll(session: Session, source: Source, target: Target, url: string): Promise<number> {
  const write = writerOf(source, url);
  const ask = <T>(run: (signal: AbortSignal) => Promise<T>): Promise<T> =>
    inTime(session, { defaultMs: ANSWER_MS, whom: url }, run);
  if (target.exact) return (await ask(() => write.delete(target.prefix))) ? 1 : 0;
  const { entries } = await ask((signal) => readOnce(source, target, { signal, keysOnly: true }));
  const keys = Array.from(entries, ([key]) => target.prefix + key);
  if (write.deletePrefix !== undefined) {
    return (await ask(async () => write.deletePrefix?.(target.prefix))) ?? keys.length;
  }
  let deleted = 0;
  for (const key of keys) if (await ask(() => write.delete(key))) deleted++;
  return deleted;
}
