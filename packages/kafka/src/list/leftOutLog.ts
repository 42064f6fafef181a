import type { Logger } from '@rollcall/core';
import type { AddressFate, AddressOutcome } from './select.js';

/** How many addresses a log line names: a line for each of a thousand would drown the rest. */
const NAMED = 10;

/** Left out for a reason that somebody should look at. */
const LOUD: ReadonlySet<AddressOutcome> = new Set(['listener', 'disallowed', 'unreachable', 'other-cluster']);

/** Warns of brokers that are left out, once for each reason until it is over. */
export class LeftOutLog {
  readonly #logger: Logger;
  readonly #wholeKey: (key: string) => string;
  #told: ReadonlySet<string> = new Set();

  /** @param wholeKey a key, prefix included. */
  constructor(logger: Logger, wholeKey: (key: string) => string) {
    this.#logger = logger;
    this.#wholeKey = wholeKey;
  }

  tell(fates: readonly AddressFate[]): void {
    const leftOut = fates.filter(({ outcome, instead }) => LOUD.has(outcome) && instead === undefined);
    const idOf = ({ key, address, outcome }: AddressFate): string => JSON.stringify([key, address, outcome]);
    const news = leftOut.filter((fate) => !this.#told.has(idOf(fate)));
    this.#told = new Set(leftOut.map(idOf));
    if (news.length === 0) return;
    const named = news.slice(0, NAMED).map((fate) => ({ ...fate, key: this.#wholeKey(fate.key) }));
    this.#logger.warn(
      { leftOut: named, count: news.length },
      `${news.length === 1 ? 'An address is' : `${news.length} addresses are`} left out of the bootstrap list.`,
    );
  }
}
