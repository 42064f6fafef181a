// @ts-check
import { subscribe } from 'node:diagnostics_channel';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * @typedef {import('./protocol.js').Numbered} Numbered
 * @typedef {import('./protocol.js').Happening} Happening
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
   * @param {import('./protocol.js').ProducerConfig} config
   * @param {number} index
   * @param {(what: Happening, at: number) => void} happened
   */
  constructor({ producer, periodMs }, index, happened) {
    this.identity = { producer, sender: index };
    this.periodMs = periodMs;
    this.happened = happened;
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
        await send({ ...this.identity, number });
        const at = Date.now();
        this.acknowledged[number] = at;
        this.happened('acknowledged', at);
      } catch (error) {
        const { message } = /** @type {Error} */ (error);
        const at = Date.now();
        this.failed.push({ number, at, error: message });
        this.happened('failed', at);
      }
      await delay(Math.max(0, due - performance.now()));
    }
  }
}

/** Notes all that happens to a producer. */
export class Recorder {
  /** @type {Record<Happening, number[]>} */
  times = { acknowledged: [], failed: [], asked: [] };
  /** @type {{ at: number, brokers: readonly string[] }[]} */
  lists = [];
  /** @type {{ at: number, to: string, established: boolean }[]} */
  connections = [];
  /** @type {(Since & { times: number[] })[]} */
  waiting = [];

  /** @param {import('./protocol.js').ProducerConfig} config */
  constructor(config) {
    const happened = (/** @type {Happening} */ what, /** @type {number} */ at) => this.happened(what, at);
    this.senders = Array.from({ length: config.senders }, (_, index) => new Sender(config, index, happened));
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
    this.happened('asked', Date.now());
  }

  /** @param {readonly string[]} brokers */
  listed(brokers) {
    const list = { at: Date.now(), brokers };
    this.lists.push(list);
    this.tell({ type: 'list', ...list });
  }

  /** @param {number} id of the request */
  count(id) {
    const at = Date.now();
    const { acknowledged, failed } = this.times;
    const perSecond = acknowledged.filter((time) => time > at - 1000).length;
    const lastAt = acknowledged.at(-1) ?? null;
    this.tell({ type: 'counts', id, at, acknowledged: acknowledged.length, perSecond, failed: failed.length, lastAt });
  }

  /** @param {import('rollcall').Status} status */
  status(status) {
    const code = 'code' in status ? status.code : undefined;
    this.tell({ type: 'status', at: Date.now(), state: status.state, code });
  }

  /** @param {Since} request */
  since(request) {
    const { what, at } = request;
    this.waiting.push({ ...request, times: this.times[what].filter((time) => time >= at) });
    this.look();
  }

  /** @param {Report} report */
  tell(report) {
    process.stdout.write(`${JSON.stringify(report)}\n`);
  }

  /** @returns {Omit<import('./protocol.js').ProducerRecord, 'settled'>} */
  record() {
    const { senders, lists, times, connections } = this;
    const outcomes = senders.map(({ acknowledged, failed }) => ({ acknowledged, failed }));
    return { senders: outcomes, lists, asked: times.asked, connections };
  }

  /**
   * @param {Happening} what
   * @param {number} at
   */
  happened(what, at) {
    this.times[what].push(at);
    for (const since of this.waiting) if (since.what === what && at >= since.at) since.times.push(at);
    this.look();
  }

  look() {
    const reached = this.waiting.filter(({ times, count }) => times.length >= count);
    if (reached.length === 0) return;
    this.waiting = this.waiting.filter((each) => !reached.includes(each));
    for (const { id, times } of reached) {
      this.tell({ type: 'reached', id, at: times.reduce((least, at) => Math.min(least, at)) });
    }
  }

  /** @param {string} level */
  logged(level) {
    return (/** @type {object} */ _, /** @type {string} */ message) => this.tell({ type: 'log', level, message });
  }
}
