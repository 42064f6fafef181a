import type { Account } from '../reliability/kafka/account.js';
import type { ProducerName } from './lines.js';

export interface Outcome {
  readonly accounts: Readonly<Record<ProducerName, Account>>;
  /** How many messages each had acknowledged after the brokers were gone. */
  readonly afterMove: Readonly<Record<ProducerName, number>>;
}

/** What came of it, in one sentence. */
export function verdictOf({ accounts, afterMove }: Outcome): string {
  const { lost, duplicated } = accounts.rollcall;
  const kept = lost + duplicated === 0 ? 'nothing lost or duplicated' : `${lost} lost, ${duplicated} duplicated`;
  const left = afterMove.static === 0 ? 'still waits' : `sent ${afterMove.static} more`;
  return `Rollcall's went on, ${kept}; the static one ${left}.`;
}
