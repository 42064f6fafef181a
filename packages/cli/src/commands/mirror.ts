import { collect, delay, systemTiming, WatchError } from '@rollcall/core';
import { type Difference, differences } from '../output/differences.js';
import { differenceLine, jsonLine } from '../output/jsonLines.js';
import { count, differenceText } from '../output/terminalLines.js';
import { contentOf, openPlaces, type Place } from '../session/place.js';
import { ANSWER_MS, inTime, type Session, writerOf } from '../session/session.js';

export interface MirrorOptions {
  readonly dryRun?: true;
  readonly delete?: true;
}

/** How long to wait before the target is read and written anew after a failed write. */
const RETRY_MS = 1_000;

/**
 * Keeps the second place holding what the first holds, one way, until told to end. Nothing is remembered: what is to be
 * done is the difference between the two, so it can be stopped and started at any time. A source that loses most of its
 * keys at once is believed only after a read of its own.
 * @throws WatchError when a URL cannot be used, the target cannot be written, or the watch fails for good.
 */
export async function mirror(session: Session, from: string, to: string, options: MirrorOptions): Promise<void> {
  const [source, target] = openPlaces(session, from, to);
  try {
    refuseOverlap(source, target);
    await run(session, source, target, options);
  } finally {
    await Promise.all([source.release(), target.release()]);
  }
}

async function run(session: Session, from: Place, target: Place, options: MirrorOptions): Promise<void> {
  const { rollcall, out, logger, timeoutMs } = session;
  const write = writerOf(target.source, target.url);
  const line = session.json ? differenceLine : differenceText;
  await using watcher = rollcall.watch(from.url);
  await using wanted = collect(watcher, { decode: (bytes) => bytes, guard: true, logger });
  if (timeoutMs !== undefined) await wanted.ready({ timeoutMs, signal: out.ended });
  /** What the target holds; unknown before the first read and after a failed write. */
  let there: Map<string, Uint8Array> | undefined;
  let told = false;

  const settle = async (items: Iterable<[string, Uint8Array]>): Promise<void> => {
    const whole = there === undefined;
    const known = there ?? (await contentOf(session, target)).values;
    there = undefined;
    const all = differences(known, items);
    const todo = options.delete ? all : all.filter(({ type }) => type === 'put');
    for (const each of todo) {
      if (out.ended.aborted) return;
      if (!options.dryRun) await apply(each);
      if (each.type === 'put') known.set(each.key, each.value);
      else known.delete(each.key);
      await out.lines([line(each, session)]);
    }
    if (!options.dryRun) there = known;
    if (whole) await tellSynced(session, todo.length, all.length - todo.length, options);
    told = true;
  };

  const apply = async (each: Difference): Promise<void> => {
    const key = target.target.prefix + each.key;
    await inTime(session, { defaultMs: ANSWER_MS, whom: target.url }, async () => {
      if (each.type === 'put') await write.put(key, each.value);
      else await write.delete(key);
    });
  };

  for await (const _ of wanted.versions({ signal: out.ended })) {
    for (let done = false; !done && !out.ended.aborted; ) {
      try {
        await settle(wanted.items);
        done = true;
      } catch (thrown) {
        const error = WatchError.from(thrown);
        // Before anything worked it is a mistake to tell, later an outage to outlive.
        if (!error.retryable || !told) throw error;
        logger.warn({ code: error.code }, `${error.message} The target is compared anew in ${RETRY_MS} ms.`);
        await delay(systemTiming, RETRY_MS, out.ended);
      }
    }
    if (options.dryRun) return;
  }
}

async function tellSynced(session: Session, written: number, extra: number, { dryRun }: MirrorOptions): Promise<void> {
  const fields = { type: 'mirrored', changes: written, extra, ...(dryRun ? { dryRun: true } : {}) };
  const verb = dryRun ? 'to make' : 'made';
  const left = extra === 0 ? '' : `; ${count(extra, 'key')} only in the target (--delete removes them)`;
  await session.out.lines([session.json ? jsonLine(fields) : `● ${count(written, 'change')} ${verb}${left}`]);
}

/** A mirror into its own source would feed itself. */
function refuseOverlap(from: Place, to: Place): void {
  if (from.source !== to.source) return;
  // Services and the catalog are no keys: nothing written can come back through them.
  if (from.target.query !== undefined || to.target.query !== undefined) return;
  const [a, b] = [from.target.prefix, to.target.prefix];
  if (from.target.exact ? a !== b : !a.startsWith(b) && !b.startsWith(a)) return;
  throw new WatchError('INVALID_OPTION', `"${to.url}" overlaps "${from.url}": mirror into a prefix of its own.`);
}
