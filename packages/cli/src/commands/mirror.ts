import { collect, type ErrorCode, systemTiming, WatchError } from '@rollcall/core';
import { backoffMs, delay } from '@rollcall/core/internal';
import { type MaxDelete, tooManyDeletes } from '../options/maxDelete.js';
import { type Difference, differences } from '../output/differences.js';
import { differenceLine, jsonLine, keyFields } from '../output/jsonLines.js';
import { printable } from '../output/printable.js';
import { count, differenceText } from '../output/terminalLines.js';
import { contentOf, openPlaces, type Place } from '../session/place.js';
import { ANSWER_MS, inTime, type Session, writerOf } from '../session/session.js';

export interface MirrorOptions {
  readonly dryRun?: true;
  readonly delete?: true;
  /** Default: half of the target's keys, or 2. */
  readonly maxDelete?: MaxDelete;
}

/** Errors with which a target refuses one key. A retry would fail the same way. */
const OF_THE_KEY: ReadonlySet<ErrorCode> = new Set(['INVALID_OPTION', 'UNSUPPORTED', 'TOO_LARGE', 'FORBIDDEN']);

/**
 * Copies the first place to the second, and then every change, until the command is ended. It keeps no state of its
 * own: what is to be written is the difference between the two places, so it can be stopped and started at any time. If
 * a source loses most of its keys at once, that is accepted only after a separate read. A comparison that would delete
 * more than `maxDelete` keys deletes nothing. A key that the target refuses is printed and skipped.
 * @throws WatchError if a URL cannot be used, the target cannot be written, or the watch ends with a fatal error.
 */
export async function mirror(session: Session, from: string, to: string, options: MirrorOptions): Promise<void> {
  const [source, target] = openPlaces(session, from, to);
  try {
    refuseOverlap(source, target);
    await new Mirroring(session, source, target, options).run();
  } catch (error) {
    // SIGINT ends the command in every state.
    if (!session.out.ended.aborted || options.dryRun) throw error;
  } finally {
    await Promise.all([source.release(), target.release()]);
  }
}

class Mirroring {
  readonly #session: Session;
  readonly #from: Place;
  readonly #target: Place;
  readonly #options: MirrorOptions;
  readonly #write: ReturnType<typeof writerOf>;
  /** The target's content; undefined before the first read and after a failed write. */
  #there: Map<string, Uint8Array> | undefined;
  /** Keys that the target refused, and the value that it refused; undefined for a delete. */
  readonly #refused = new Map<string, Uint8Array | undefined>();
  /** Whether a comparison has succeeded. Before that every error ends the command; afterwards retryable ones do not. */
  #synced = false;
  /** Whether anything was written. */
  #worked = false;
  #failures = 0;
  #toldGuard: string | undefined;

  constructor(session: Session, from: Place, target: Place, options: MirrorOptions) {
    this.#session = session;
    this.#from = from;
    this.#target = target;
    this.#options = options;
    this.#write = writerOf(target.source, target.url);
  }

  async run(): Promise<void> {
    const { rollcall, out, logger, timeoutMs } = this.#session;
    await using watcher = rollcall.watch(this.#from.url);
    await using wanted = collect(watcher, { decode: (bytes) => bytes, folders: true, guard: true, logger });
    if (timeoutMs !== undefined) await wanted.ready({ timeoutMs, signal: out.ended });
    for await (const _ of wanted.versions({ signal: out.ended })) {
      while (!(await this.#attempt(new Map(wanted.items)))) out.ended.throwIfAborted();
      if (this.#options.dryRun) return;
    }
    // The command was ended before a one-shot mirror had finished.
    if (this.#options.dryRun) out.ended.throwIfAborted();
  }

  /** @returns false if the target must be compared again. */
  async #attempt(wanted: ReadonlyMap<string, Uint8Array>): Promise<boolean> {
    const { logger, out } = this.#session;
    try {
      await this.#settle(wanted);
      this.#failures = 0;
      return true;
    } catch (thrown) {
      out.ended.throwIfAborted();
      const error = WatchError.from(thrown);
      if (!error.retryable || !this.#synced) throw error;
      const ms = Math.round(backoffMs(++this.#failures, () => systemTiming.random()));
      logger.warn({ code: error.code }, `${error.message} The target is compared anew in ${ms} ms.`);
      await delay(systemTiming, ms, out.ended);
      return false;
    }
  }

  async #settle(wanted: ReadonlyMap<string, Uint8Array>): Promise<void> {
    const isWhole = this.#there === undefined;
    const known = this.#there ?? (await contentOf(this.#session, this.#target)).values;
    this.#there = undefined;
    const all = differences(known, wanted);
    const todo = this.#todo(all, { held: known.size, wanted: wanted.size, isFirst: isWhole });
    const left = all.length - todo.length;
    let made = 0;
    for (const each of todo) {
      this.#session.out.ended.throwIfAborted();
      if (!(await this.#apply(each))) continue;
      made++;
      if (each.type === 'put') known.set(each.key, each.value);
      else known.delete(each.key);
      await this.#session.out.lines([this.#session.json ? differenceLine(each) : differenceText(each, this.#session)]);
    }
    if (!this.#options.dryRun) this.#there = known;
    if (isWhole) await tellSynced(this.#session, { made, left, skipped: this.#refused.size }, this.#options);
    this.#synced = true;
  }

  /** @throws WatchError INVALID_OPTION for more deletes than allowed, if no comparison has succeeded yet. */
  #todo(
    all: readonly Difference[],
    about: { readonly held: number; readonly wanted: number; readonly isFirst: boolean },
  ): readonly Difference[] {
    const puts = all.filter(({ type }) => type === 'put');
    if (!this.#options.delete) return puts;
    const why = tooManyDeletes(all.length - puts.length, about, this.#options.maxDelete);
    const isNews = why !== this.#toldGuard;
    this.#toldGuard = why;
    if (why === undefined) return all;
    const message = `mirror: ${why}. Nothing is deleted; is the source the right one?`;
    if (!this.#synced) throw new WatchError('INVALID_OPTION', message);
    if (isNews) this.#session.logger.error({}, message);
    return puts;
  }

  /** @returns false for a key that the target refused. */
  async #apply(each: Difference): Promise<boolean> {
    if (this.#options.dryRun) return true;
    const value = each.type === 'put' ? each.value : undefined;
    if (this.#refused.has(each.key) && isSame(this.#refused.get(each.key), value)) return false;
    const key = this.#target.target.prefix + each.key;
    try {
      await inTime(this.#session, { defaultMs: ANSWER_MS, whom: this.#target.url }, async () => {
        if (value !== undefined) await this.#write.put(key, value);
        else await this.#write.delete(key);
      });
      this.#refused.delete(each.key);
      this.#worked = true;
      return true;
    } catch (thrown) {
      const error = WatchError.from(thrown);
      // If nothing has been written yet, the credentials as a whole are wrong, not the rights for this key.
      if (!OF_THE_KEY.has(error.code) || (error.code === 'FORBIDDEN' && !this.#worked)) throw error;
      this.#refused.set(each.key, value);
      await this.#tellRefused(each.key, error);
      return false;
    }
  }

  async #tellRefused(key: string, { code, message }: WatchError): Promise<void> {
    const { json, out, paint } = this.#session;
    const text = `${paint('yellow', `! ${printable(key)}`)}  skipped: ${printable(message)}`;
    await out.lines([json ? jsonLine({ type: 'skipped', ...keyFields(key), code, reason: message }) : text]);
  }
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0;
}

async function tellSynced(
  { json, out }: Session,
  { made, left, skipped }: { readonly made: number; readonly left: number; readonly skipped: number },
  { dryRun }: MirrorOptions,
): Promise<void> {
  const more = { ...(skipped > 0 ? { skipped } : {}), ...(dryRun ? { dryRun: true } : {}) };
  const verb = dryRun ? 'to make' : 'made';
  const extra = left === 0 ? '' : `; ${count(left, 'key')} only in the target (--delete removes them)`;
  const refused = skipped === 0 ? '' : `; ${count(skipped, 'key')} refused by the target`;
  const text = `● ${count(made, 'change')} ${verb}${extra}${refused}`;
  await out.lines([json ? jsonLine({ type: 'mirrored', changes: made, extra: left, ...more }) : text]);
}

/** A mirror into its own source would copy its own writes for ever. */
function refuseOverlap(from: Place, to: Place): void {
  if (from.source !== to.source) return;
  // Services and the catalog are not keys, so a write to KV cannot appear in them.
  if (from.target.query !== undefined || to.target.query !== undefined) return;
  const [a, b] = [from.target.prefix, to.target.prefix];
  if (from.target.exact ? a !== b : !a.startsWith(b) && !b.startsWith(a)) return;
  throw new WatchError('INVALID_OPTION', `"${to.url}" overlaps "${from.url}": mirror into a prefix of its own.`);
}
