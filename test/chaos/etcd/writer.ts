import type { EtcdCluster } from '../../support/etcd-cluster.js';
import type { ChaosWriter } from '../backend.js';
import type { Random } from '../random.js';
import { Workers } from '../workers.js';
import { base64, GatewayError, type Header } from './gateway.js';
import type { Members } from './members.js';
import { KEYS } from './targets.js';

/** A write that the store said it has made. */
export interface Acknowledged {
  readonly revision: bigint;
  /** Keys and their values; undefined is deleted. */
  readonly written: ReadonlyMap<string, string | undefined>;
}

/** Two at a time, each with this pause after an operation, ms: some hundred operations a second. */
const AT_ONCE = 2;
const PAUSE_MS = [4, 20] as const;
/** What waits longer is given up; whether it was made is then unknown. */
const OPERATION_MS = 1_500;
const BURST_AT_ONCE = 16;

/** How often each kind of operation is drawn. `etcdctl` is a process each time. */
const KINDS: readonly (readonly [name: string, weight: number])[] = [
  ['put', 45],
  ['txn', 25],
  ['delete', 14],
  ['lease', 9],
  ['revoke', 3],
  ['deletePrefix', 2],
  ['etcdctl', 0.3],
];
const TOTAL_WEIGHT = KINDS.reduce((sum, [, weight]) => sum + weight, 0);

/** Writes at random over any member that answers. */
export class Writer implements ChaosWriter {
  readonly counts: Record<string, number> = {};
  readonly #cluster: EtcdCluster;
  readonly #members: Members;
  readonly #random: Random;
  readonly #workers: Workers;
  #acknowledged: Acknowledged[] = [];
  #leases: string[] = [];
  #serial = 0;

  /** @param members its own: when one does not answer it goes on with the next. */
  constructor(cluster: EtcdCluster, members: Members, random: Random) {
    this.#cluster = cluster;
    this.#members = members;
    this.#random = random;
    this.#workers = new Workers(
      AT_ONCE,
      () => this.#turn(),
      () => random.between(...PAUSE_MS),
    );
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

  /** Puts as fast as it can, besides what else is written. */
  async burst(count: number): Promise<void> {
    const keys = Array.from({ length: count }, () => this.#random.pick(KEYS));
    const put = async (): Promise<void> => {
      for (let key = keys.pop(); key !== undefined; key = keys.pop()) await this.#attempt('burst', this.#put(key));
    };
    await this.#workers.during(async () => {
      await Promise.all(Array.from({ length: BURST_AT_ONCE }, put));
    });
  }

  /** What was acknowledged since the last call. */
  takeAcknowledged(): readonly Acknowledged[] {
    const acknowledged = this.#acknowledged;
    this.#acknowledged = [];
    return acknowledged;
  }

  #turn(): Promise<void> {
    const kind = this.#kind();
    return this.#attempt(kind, this.#operation(kind));
  }

  #kind(): string {
    let rest = this.#random.next() * TOTAL_WEIGHT;
    for (const [name, weight] of KINDS) {
      rest -= weight;
      if (rest < 0) return name;
    }
    return 'put';
  }

  #operation(kind: string): () => Promise<unknown> {
    switch (kind) {
      case 'txn':
        return this.#txn();
      case 'delete':
        return this.#delete(this.#random.pick(KEYS));
      case 'deletePrefix':
        return this.#deletePrefix(`svc/a/k${this.#random.between(1, 5)}`);
      case 'lease':
        return this.#lease();
      case 'revoke':
        return this.#revoke();
      case 'etcdctl':
        return this.#etcdctl();
      default:
        return this.#put(this.#random.pick(KEYS));
    }
  }

  async #attempt(kind: string, operation: () => Promise<unknown>): Promise<void> {
    try {
      await operation();
      this.#count(kind);
    } catch {
      // What became of it is unknown, and the ledger will tell: go on elsewhere.
      this.#count('unacknowledged');
      this.#members.turn();
    }
  }

  #put(key: string): () => Promise<void> {
    const value = this.#value();
    return async () => {
      const { header } = await this.#post('/v3/kv/put', { key: base64(key), value: base64(value) });
      this.#acknowledge(header, new Map([[key, value]]));
    };
  }

  #delete(key: string): () => Promise<void> {
    return async () => {
      const { header, deleted } = await this.#post('/v3/kv/deleterange', { key: base64(key) });
      if (deleted === '1') this.#acknowledge(header, new Map([[key, undefined]]));
    };
  }

  /** etcd tells how many keys went, not which. */
  #deletePrefix(prefix: string): () => Promise<unknown> {
    const end = prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
    return () => this.#post('/v3/kv/deleterange', { key: base64(prefix), range_end: base64(end) });
  }

  #txn(lease?: string): () => Promise<void> {
    const keys = this.#random.shuffled(KEYS).slice(0, this.#random.between(2, 8));
    const written = new Map(keys.map((key) => [key, this.#random.chance(0.75) ? this.#value() : undefined]));
    const success = Array.from(written, ([key, value]) =>
      value === undefined
        ? { request_delete_range: { key: base64(key) } }
        : { request_put: { key: base64(key), value: base64(value), ...(lease === undefined ? {} : { lease }) } },
    );
    return async () => {
      const { header } = await this.#post('/v3/kv/txn', { success });
      // Deletes of what was not there are no events, and without an event there is no new revision.
      const puts = [...written].filter(([, value]) => value !== undefined);
      if (puts.length > 0) this.#acknowledge(header, new Map(puts));
    };
  }

  #lease(): () => Promise<void> {
    const seconds = this.#random.between(1, 5);
    return async () => {
      const { ID } = await this.#post('/v3/lease/grant', { TTL: seconds });
      if (ID === undefined) throw new Error('no lease was granted');
      await this.#txn(ID)();
      if (this.#random.chance(0.5)) this.#leases.push(ID);
    };
  }

  /** Ends a lease before its time, unless it has. */
  #revoke(): () => Promise<void> {
    const ID = this.#leases.shift();
    return async () => {
      if (ID === undefined) return;
      await this.#post('/v3/lease/revoke', { ID }).catch((error) => {
        if (!(error instanceof GatewayError)) throw error;
      });
    };
  }

  #etcdctl(): () => Promise<unknown> {
    const member = this.#random.pick(this.#cluster.members);
    const key = this.#random.pick(KEYS);
    const value = this.#value() || 'etcdctl';
    return () => member.etcdctl(['put', key, '--command-timeout=1s'], { input: value });
  }

  /** Unlike every other, mostly; now and then empty, or large. */
  #value(): string {
    const what = this.#random.next();
    if (what < 0.02) return '';
    const length = what < 0.97 ? this.#random.between(0, 100) : this.#random.between(2_000, 20_000);
    return `${++this.#serial}:${'x'.repeat(length)}`;
  }

  #post(path: string, body: object): Promise<{ header: Header; deleted?: string; ID?: string }> {
    return this.#members.current.post(path, body, OPERATION_MS);
  }

  #acknowledge({ revision }: Header, written: Acknowledged['written']): void {
    this.#acknowledged.push({ revision: BigInt(revision), written });
  }

  #count(kind: string): void {
    this.counts[kind] = (this.counts[kind] ?? 0) + 1;
  }
}
