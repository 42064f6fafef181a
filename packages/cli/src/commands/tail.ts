import { type Change, type Revision, WatchError, type Watcher } from '@rollcall/core';
import { LinkedAbort } from '@rollcall/core/internal';
import * as json from '../output/jsonLines.js';
import { StatusTeller, type ToldStatus } from '../output/statusTeller.js';
import * as terminal from '../output/terminalLines.js';
import { type Session, watchUrl } from '../session/session.js';

/**
 * How many bytes may wait in memory for a slow pipe before changes are coalesced. etcd sends history faster than a pipe
 * is read, and the user asked for every change of it.
 */
const HISTORY_AHEAD_BYTES = 64 * 1024 * 1024;

export interface TailOptions {
  readonly prefix?: string;
  readonly keysOnly?: true;
  /** Ends after this many changes, counting the keys of the first state. */
  readonly count?: number;
  /** Prints every change after this revision instead of the present state. */
  readonly since?: Revision;
}

/**
 * Prints each URL's state, then every change, until the command is ended.
 * @throws WatchError the first fatal error of any watch, TIMEOUT; with `since` INVALID_OPTION for several URLs,
 *   UNSUPPORTED if the backend has no history, COMPACTED, ROLLED_BACK.
 */
export async function tail(
  session: Session,
  urls: readonly string[],
  { prefix, keysOnly, since, count = Number.POSITIVE_INFINITY }: TailOptions,
): Promise<void> {
  if (since !== undefined && urls.length > 1) {
    const why = 'a revision of one URL means nothing to another';
    throw new WatchError('INVALID_OPTION', `tail: --since takes one URL: ${why}.`);
  }
  const where = { ...(prefix === undefined ? {} : { prefix }), ...(since === undefined ? {} : { since }) };
  // All URLs are opened before anything is printed, so that an error in the last one comes first.
  const watchers = urls.map((url) => ({ url, watcher: watchUrl(session, url, where) }));
  const whole = since === undefined;
  using enough = new LinkedAbort(session.out.ended);
  let left = count;
  /** Of these changes, those that the count still allows. */
  const take = (changes: readonly Change[]): readonly Change[] => {
    const taken = changes.slice(0, left);
    left -= taken.length;
    return taken;
  };
  const counted: Counted = { take, signal: enough.signal, end: () => left === 0 && enough.abort() };
  const format = { keysOnly: keysOnly ?? false, whole };
  await Promise.all(
    watchers.map(({ url, watcher }) =>
      follow(session, watcher, counted, { ...format, url, ...(urls.length > 1 ? { source: url } : {}) }),
    ),
  );
  // With `count` the command has one answer, and may have been ended before it.
  if (left > 0 && count !== Number.POSITIVE_INFINITY) session.io.signal.throwIfAborted();
}

/** Counts the changes that all watches print together. */
interface Counted {
  take(changes: readonly Change[]): readonly Change[];
  /** Aborts once enough were printed. */
  end(): void;
  readonly signal: AbortSignal;
}

async function follow(
  session: Session,
  watcher: Watcher,
  { take, end, signal }: Counted,
  { whole, ...options }: { keysOnly: boolean; whole: boolean; url: string; source?: string },
): Promise<void> {
  const { out, timeoutMs, paint, columns } = session;
  const lines = session.json ? json : terminal;
  const format = { ...options, paint, columns };
  if (timeoutMs !== undefined) await watcher.ready({ timeoutMs, signal: out.ended });
  const statusLine = (told: ToldStatus): string => lines.statusLine(told, format);
  using status = new StatusTeller(watcher, out, statusLine, whole ? 'live' : 'NOT_CURRENT');
  for await (const batch of watcher.batches({ signal })) {
    const changes = take(whole || batch.cause !== 'initial' ? batch.changes : []);
    const told = { ...batch, changes };
    await status.print(() =>
      out.lines(lines.batchLines(told, watcher.prefix, format), whole ? 0 : HISTORY_AHEAD_BYTES),
    );
    end();
  }
}
