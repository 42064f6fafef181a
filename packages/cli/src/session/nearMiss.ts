import type { Logger, OpenedSource } from '@rollcall/core';
import { type Target, targetOf } from '@rollcall/core/adapter';
import { quote, readOnce } from '@rollcall/core/internal';
import type { Watcher } from 'rollcall';

/** How many keys are named. */
const NAMED = 2;
/** How long a look may take, ms. */
const LOOK_MS = 5_000;

/**
 * Where a watch begins with nothing, looks whether a path with one `/` more or less holds keys, and names them.
 * Resolves when that is done or cannot be done; it never rejects.
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
    // The watch tells what stands in its way.
  }
}

/** With a `/` more or less at the end, at the front, and at both. */
function nearTargets({ prefix }: Target): Target[] {
  if (prefix === '' || prefix === '/') return [];
  const end = prefix.endsWith('/') ? prefix.slice(0, -1) : `${prefix}/`;
  const front = (path: string): string => (path.startsWith('/') ? path.slice(1) : `/${path}`);
  return [end, front(prefix), front(end)].map(targetOf);
}
