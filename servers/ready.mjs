// @ts-check
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Pause between two probes, in ms. */
const POLL_MS = 50;

/**
 * Probes until the answer is yes. A probe that throws counts as no: a server that starts refuses connections.
 *
 * @param {() => Promise<boolean>} probe
 * @param {AbortSignal} signal ends the wait
 * @returns {Promise<void>}
 * @throws the signal's reason, with the last probe's error as its cause
 */
export async function untilReady(probe, signal) {
  /** @type {unknown} */
  let last;
  while (true) {
    try {
      if (await probe()) return;
    } catch (error) {
      last = error;
    }
    if (signal.aborted) throw new Error(String(signal.reason?.message ?? signal.reason), { cause: last });
    await delay(POLL_MS);
  }
}

/**
 * Whether something accepts connections on a port of 127.0.0.1.
 *
 * @param {number} port
 * @returns {Promise<boolean>}
 */
export function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.setTimeout(2000, () => socket.destroy());
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
