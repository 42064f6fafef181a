import type { Outcome } from './play.js';

/** What came of it, in one sentence. */
export function verdictOf({ accounts, afterMove }: Outcome): string {
  const { lost, duplicated } = accounts.rollcall;
  const kept = lost + duplicated === 0 ? 'nothing lost or duplicated' : `${lost} lost, ${duplicated} duplicated`;
  const left = afterMove.static === 0 ? 'still waits' : `sent ${afterMove.static} more`;
  return `Rollcall's went on, ${kept}; the static one ${left}.`;
}
