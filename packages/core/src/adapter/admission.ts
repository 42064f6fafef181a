import type { Limiter } from '../runtime/limiter.js';
import { inTime, type Timing } from '../runtime/timing.js';
import type { QuietUpdate } from './source.js';

/**
 * Waits for room, and yields `alive` meanwhile: a watch that waits for its turn is not silent.
 * @param everyMs how often it yields, ms.
 * @returns gives the room back; to be called once.
 * @throws the signal's reason when it aborts first.
 */
export async function* admission(
  limiter: Pick<Limiter, 'enter'>,
  { signal, timing, everyMs }: { readonly signal: AbortSignal; readonly timing: Timing; readonly everyMs: number },
): AsyncGenerator<QuietUpdate, () => void> {
  const entering = limiter.enter(signal);
  let leave: (() => void) | undefined;
  try {
    for (;;) {
      leave = await inTime(timing, everyMs, entering);
      if (leave !== undefined) return leave;
      yield { type: 'alive' };
    }
  } finally {
    // The generator may end at a `yield`, and the room be given to it afterwards.
    if (leave === undefined)
      entering.then(
        (unused) => unused(),
        () => {},
      );
  }
}
