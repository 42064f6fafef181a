import type { Watcher } from '@rollcall/core';
import * as json from '../jsonLines.js';
import { type Session, watchUrl } from '../session.js';
import { StatusTeller } from '../statusTeller.js';
import * as terminal from '../terminalLines.js';

export interface TailOptions {
  readonly prefix?: string;
  readonly keysOnly?: true;
}

/**
 * Prints each URL's state, then every change, until told to end.
 * @throws WatchError the first fatal error of any of them, TIMEOUT.
 */
export async function tail(
  session: Session,
  urls: readonly string[],
  { prefix, keysOnly }: TailOptions,
): Promise<void> {
  const where = prefix === undefined ? {} : { prefix };
  // All are opened before anything is printed, so that a mistake in the last one is told first.
  const watchers = urls.map((url) => ({ url, watcher: watchUrl(session, url, where) }));
  await Promise.all(
    watchers.map(({ url, watcher }) =>
      follow(session, watcher, { keysOnly: keysOnly ?? false, ...(urls.length > 1 ? { source: url } : {}) }),
    ),
  );
}

async function follow(
  session: Session,
  watcher: Watcher,
  options: { readonly keysOnly: boolean; readonly source?: string },
): Promise<void> {
  const { out, timeoutMs, paint, columns } = session;
  const lines = session.json ? json : terminal;
  const format = { ...options, paint, columns };
  if (timeoutMs !== undefined) await watcher.ready({ timeoutMs, signal: out.ended });
  const status = new StatusTeller(watcher, out, (told) => lines.statusLine(told, format));
  for await (const batch of watcher.batches({ signal: out.ended })) {
    await status.print(() => out.lines(lines.batchLines(batch, watcher.prefix, format)));
  }
}
