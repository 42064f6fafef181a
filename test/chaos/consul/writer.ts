import { request } from '../../../servers/http.mjs';
import type { Consul } from '../../support/consul.js';
import type { ChaosWriter } from '../backend.js';
import type { Random } from '../random.js';
import { Workers } from '../workers.js';
import { initialOperations, kindOf, type Operation, operationOf } from './operations.js';

/** Several at a time, each with this pause after an operation, ms: some dozens of operations a second. */
const AT_ONCE = 6;
const PAUSE_MS = [30, 100] as const;
/**
 * Longer than the 7 s for which servers without a leader hold a write, and than any server is stopped: one that is given up
 * sooner may be done after later ones.
 */
const OPERATION_MS = 12_000;

/** Of one that failed it is unknown what became of it. */
export type Outcome = 'done' | 'refused' | 'unacknowledged';

/** Takes note of each operation. */
export interface WriteLog {
  /** It is about to be sent, so its effects may be there from now on. */
  sent(operation: Operation): void;
  /** @param kind for people */
  done(operation: Operation, kind: string, outcome: Outcome): void;
}

/** Writes at random over the HTTP API of any server or of the client agent. */
export class Writer implements ChaosWriter {
  readonly counts: Record<string, number> = {};
  readonly #servers: readonly Consul[];
  readonly #agent: Consul;
  readonly #random: Random;
  readonly #log: WriteLog;
  readonly #workers: Workers;
  #serial = 0;

  constructor(servers: readonly Consul[], agent: Consul, random: Random, log: WriteLog) {
    this.#servers = servers;
    this.#agent = agent;
    this.#random = random;
    this.#log = log;
    this.#workers = new Workers(
      AT_ONCE,
      () => this.#turn(),
      () => random.between(...PAUSE_MS),
    );
  }

  /** Writes each key and registers each instance once. */
  async furnish(): Promise<void> {
    for (const operation of initialOperations(this.#random)) {
      this.#log.sent(operation);
      const outcome = await this.#send(operation.atAgent ? this.#agent : this.#random.pick(this.#servers), operation);
      this.#log.done(operation, 'furnish', outcome);
      if (outcome !== 'done') throw new Error(`${operation.path(0)}: ${outcome}`);
    }
  }

  start(): void {
    this.#workers.start();
  }

  pause(): Promise<void> {
    return this.#workers.pause();
  }

  resume(): void {
    this.#workers.resume();
  }

  stop(): Promise<void> {
    return this.#workers.stop();
  }

  #turn(): Promise<void> {
    const kind = kindOf(this.#random);
    return this.#attempt(kind, operationOf(kind, this.#random, ++this.#serial));
  }

  async #attempt(kind: string, operation: Operation): Promise<void> {
    this.#log.sent(operation);
    const consul = operation.atAgent ? this.#agent : this.#random.pick([...this.#servers, this.#agent]);
    const outcome: Outcome = await this.#send(consul, operation).catch(() => 'unacknowledged');
    this.#log.done(operation, kind, outcome);
    const count = outcome === 'done' ? kind : outcome;
    this.counts[count] = (this.counts[count] ?? 0) + 1;
  }

  /** @returns `done`, or `refused` for a condition that does not hold. @throws when it is unknown whether it was done */
  async #send(consul: Consul, operation: Operation): Promise<'done' | 'refused'> {
    const { path, method, body, ifUnchanged } = operation;
    const index = ifUnchanged === undefined ? 0 : await this.#modifyIndex(consul, ifUnchanged);
    const answer = await request(`${consul.url}${path(index)}`, {
      method,
      timeoutMs: OPERATION_MS,
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const { status } = answer;
    if (status === 200) return answer.body.trim() === 'false' ? 'refused' : 'done';
    // A transaction whose condition does not hold; a check that is not registered.
    if (status === 409 || (status === 404 && operation.atAgent)) return 'refused';
    throw new Error(`${status} ${answer.body}`);
  }

  /** 0 for a key that is not there: a check-and-set with it creates. */
  async #modifyIndex(consul: Consul, key: string): Promise<number> {
    const { status, body } = await consul.http(`/v1/kv/${encodeURIComponent(key)}`, { timeoutMs: OPERATION_MS });
    return status === 404 ? 0 : (JSON.parse(body) as [{ ModifyIndex: number }])[0].ModifyIndex;
  }
}
