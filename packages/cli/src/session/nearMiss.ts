import type { Logger, OpenedSource } from '@rollcall/core';
import { type Target, targetOf } from '@rollcall/core/adapter';
import { quote, readOnce } from '@rollcall/core/internal';
import type { Watcher } from 'rollcall';

/** How many keys the hint names. */
const NAMED = 2;
/** How long the extra reads may take, ms. */
const LOOK_MS = 5_000;

/**
 * If a watch begins with no keys, reads the paths with one `/` more or less, and prints the keys that they hold. It
 * never rejects.
 */
export async function warnOfNearMiss(
  logger: Logger,
  watcher: Watcher,
  { source, target }: OpenedSource,
): Promise<void> {
  try {
    const { entries } = await watcher.ready();
    if (entries.size > 0 || target.query !== undefined) return;
    for (const near of nearTargets(target)) {
      const signal = AbortSignal.timeout(LOOK_MS);
      const found = await readOnce(source, near, { signal, keysOnly: true });
      const keys = [...found.entries].map(([key]) => near.prefix + key);
      if (keys.length === 0) continue;
      const named = keys.slice(0, NAMED).map(quote).join(', ');
      const more = keys.length > NAMED ? `, and ${keys.length - NAMED} more` : '';
      logger.warn(
        {},
        `Nothing is at ${quote(target.prefix)}, but there is ${named}${more}: write ${quote(near.prefix)}.`,
      );
      return;
    }
  } catch {
    // The watch itself reports the error.
  }
}

/** The path with a `/` more or less at the end, at the front, and at both. */
function nearTargets({ prefix }: Target): Target[] {
  if (prefix === '' || prefix === '/') return [];
  const end = prefix.endsWith('/') ? prefix.slice(0, -1) : `${prefix}/`;
  const front = (path: string): string => (path.startsWith('/') ? path.slice(1) : `/${path}`);
  return [end, front(prefix), front(end)].map(targetOf);
}
