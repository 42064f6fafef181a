import { afterEach } from 'vitest';
import type { Update } from '../../src/adapter.js';
import { createRegistry, type ErrorCode, type Logger, type Registry, WatchError } from '../../src/index.js';
import { ManualTiming } from '../manualTiming.js';
import { type Attempt, ScriptedSource, scriptedAdapter } from '../scriptedSource.js';

const open: Registry[] = [];
afterEach(async () => {
  for (const registry of open.splice(0)) await registry.close();
});

/** One log line that a person would act on. */
export interface Line {
  readonly level: 'warn' | 'error';
  readonly fields: object;
  readonly message: string;
}

/** A registry over one scripted source, a clock that stands still, and what was logged. */
export function setUp() {
  const source = new ScriptedSource();
  const timing = new ManualTiming();
  const lines: Line[] = [];
  const quiet = (): void => {};
  const logger: Logger = {
    debug: quiet,
    info: quiet,
    warn: (fields, message) => void lines.push({ level: 'warn', fields, message }),
    error: (fields, message) => void lines.push({ level: 'error', fields, message }),
  };
  const registry = createRegistry({ adapters: [scriptedAdapter(() => source)], timing });
  open.push(registry);
  const watcher = registry.watch('scripted:c/');
  /** Ends an attempt so that the next one, which is returned, reads everything; no time passes. */
  const readAnew = async (attempt: Attempt, code: ErrorCode = 'COMPACTED'): Promise<Attempt> => {
    const { randomValue } = timing;
    timing.randomValue = 0;
    attempt.play(new WatchError(code, 'the history is gone'));
    await timing.advance(0);
    timing.randomValue = randomValue;
    return source.next();
  };
  return { source, timing, lines, logger, registry, watcher, readAnew, common: { timing, logger } };
}

export const delta = (revision: number, ...events: Extract<Update, { type: 'delta' }>['events'][number][]): Update => ({
  type: 'delta',
  revision: `${revision}`,
  events,
});

/** What an iterator gives next. @throws Error when it ended */
export async function nextOf<T>(iterator: AsyncIterator<T>): Promise<T> {
  const { done, value } = await iterator.next();
  if (done) throw new Error('the iterator ended');
  return value;
}
