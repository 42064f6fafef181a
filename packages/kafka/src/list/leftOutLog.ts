import type { Logger } from '@rollcall/core';
import type { AddressFate, AddressOutcome } from './select.js';

/** The most addresses that one log line names. */
const NAMED = 10;

/** Outcomes that an operator should hear of. */
const LOUD: ReadonlySet<AddressOutcome> = new Set(['listener', 'disallowed', 'unreachable', 'other-cluster']);

/** Warns of brokers that are left out: once for each reason, and again only after the reason had gone away. */
export class LeftOutLog {
  readonly #logger: Logger;
  readonly #wholeKey: (key: string) => string;
  #told: ReadonlySet<string> = new Set();

  /** @param wholeKey adds the prefix to a key. */
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
