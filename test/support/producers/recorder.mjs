// @ts-check
import { subscribe } from 'node:diagnostics_channel';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * @typedef {import('./protocol.js').Numbered} Numbered
 * @typedef {import('./protocol.js').Report} Report
 * @typedef {Extract<import('./protocol.js').Request, { type: 'since' }>} Since
 */

/** Numbers its messages from 0, and notes what became of each. A message whose outcome is unknown is not sent again. */
class Sender {
  /** @type {(number | null)[]} */
  acknowledged = [];
  /** @type {{ number: number, at: number, error: string }[]} */
  failed = [];

  /**
   * @param {number} index
   * @param {number} periodMs
   * @param {(at: number) => void} onAcknowledged
   */
  constructor(index, periodMs, onAcknowledged) {
    this.index = index;
    this.periodMs = periodMs;
    this.onAcknowledged = onAcknowledged;
  }

  /**
   * Sends one message at a time, until the signal aborts and the last is settled.
   *
   * @param {(message: Numbered) => Promise<unknown>} send
   * @param {AbortSignal} signal
   */
  async run(send, signal) {
    while (!signal.aborted) {
      const due = performance.now() + this.periodMs;
      const number = this.acknowledged.push(null) - 1;
      try {
        await send({ sender: this.index, number });
        const at = Date.now();
        this.acknowledged[number] = at;
        this.onAcknowledged(at);
      } catch (error) {
        const { message } = /** @type {Error} */ (error);
        this.failed.push({ number, at: Date.now(), error: message });
      }
      await delay(Math.max(0, due - performance.now()));
    }
  }
}

/** Notes all that happens to a producer. */
export class Recorder {
  /** @type {{ at: number, brokers: readonly string[] }[]} */
  lists = [];
  /** @type {number[]} */
  asks = [];
  /** @type {{ at: number, to: string, established: boolean }[]} */
  connections = [];
  /** @type {(Since & { times: number[] })[]} */
  waiting = [];

  /** @param {import('./protocol.js').ProducerConfig} config */
  constructor({ senders, periodMs }) {
    this.senders = Array.from(
      { length: senders },
      (_, index) => new Sender(index, periodMs, (at) => this.acknowledged(at)),
    );
    this.logger = {
      debug: () => {},
      info: () => {},
      warn: this.logged('warn'),
      error: this.logged('error'),
    };
  }

  /**
   * Notes each TCP connection that this process makes from now on, the client's and Rollcall's own; and each that it
   * accepts, because only a relay does: the client asks where its brokers are.
   */
  noteConnections() {
    subscribe('net.server.socket', () => this.asked());
    subscribe('net.client.socket', (message) => {
      const { socket } = /** @type {{ socket: import('node:net').Socket }} */ (message);
      socket.on('connectionAttempt', (host, port) => {
        const connection = { at: Date.now(), to: `${host}:${port}`, established: false };
        this.connections.push(connection);
        socket.once('connect', () => {
          connection.established = true;
        });
      });
    });
  }

  /** Nothing was ever sent. */
  get isIdle() {
    return this.senders.every(({ acknowledged }) => acknowledged.length === 0);
  }

  /** The client asks where its brokers are. */
  asked() {
    this.asks.push(Date.now());
  }

  /** @param {readonly string[]} brokers */
  listed(brokers) {
    const list = { at: Date.now(), brokers };
    this.lists.push(list);
    this.tell({ type: 'list', ...list });
  }

  /** @param {Since} request */
  since(request) {
    this.waiting.push({ ...request, times: this.times().filter((at) => at >= request.at) });
    this.look();
  }

  /** Of all acknowledgements. */
  times() {
    return this.senders.flatMap(({ acknowledged }) => acknowledged).filter((at) => at !== null);
  }

  /** @param {number} id of the request */
  count(id) {
    const at = Date.now();
    const times = this.times();
    const lastAt = times.reduce((/** @type {number | null} */ last, time) => Math.max(last ?? time, time), null);
    const perSecond = times.filter((time) => time > at - 1000).length;
    const failed = this.senders.reduce((sum, sender) => sum + sender.failed.length, 0);
    this.tell({ type: 'counts', id, at, acknowledged: times.length, perSecond, failed, lastAt });
  }

  /** @param {number} time */
  acknowledged(time) {
    for (const { at, times } of this.waiting) if (time >= at) times.push(time);
    this.look();
  }

  /** @param {Report} report */
  tell(report) {
    process.stdout.write(`${JSON.stringify(report)}\n`);
  }

  /** @returns {import('./protocol.js').ProducerRecord} */
  record() {
    const { senders, lists, asks, connections } = this;
    return {
      senders: senders.map(({ acknowledged, failed }) => ({ acknowledged, failed })),
      lists,
      asked: asks,
      connections,
    };
  }

  look() {
    const reached = this.waiting.filter(({ times, more }) => times.length >= more);
    if (reached.length === 0) return;
    this.waiting = this.waiting.filter((each) => !reached.includes(each));
    for (const { id, times } of reached)
      this.tell({ type: 'reached', id, at: times.reduce((least, at) => Math.min(least, at)) });
  }

  /** @param {string} level */
  logged(level) {
    return (/** @type {object} */ _, /** @type {string} */ message) => this.tell({ type: 'log', level, message });
  }
}
