// @ts-check

/** @typedef {import('./protocol.js').Numbered} Numbered */

/**
 * One send at a time, for clients whose numbers go wrong when several are in flight.
 *
 * @param {(message: Numbered) => Promise<unknown>} send
 */
export function inTurn(send) {
  /** @type {Promise<unknown>} */
  let last = Promise.resolve();
  return (/** @type {Numbered} */ message) => {
    const mine = last.then(() => send(message));
    last = mine.catch(() => {});
    return mine;
  };
}
