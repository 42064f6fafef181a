import { Etcd3 } from 'etcd3';
import { type Etcd, startEtcd } from '../support/etcd.js';

const VALUE = Buffer.alloc(200, 'v');
/** Within etcd's limit of 128 operations a transaction. */
const PUTS_A_TRANSACTION = 100;
const WRITERS = 16;

/** A real etcd, and a client that fills it. */
export class EtcdStore implements AsyncDisposable {
  readonly etcd: Etcd;
  readonly client: Etcd3;

  private constructor(etcd: Etcd) {
    this.etcd = etcd;
    this.client = new Etcd3({ hosts: etcd.endpoint });
  }

  static async start(): Promise<EtcdStore> {
    return new EtcdStore(await startEtcd({ flags: ['--unsafe-no-fsync', '--quota-backend-bytes=8589934592'] }));
  }

  get endpoint(): string {
    return this.etcd.endpoint;
  }

  /** Puts this many keys of 200 bytes under the prefix. */
  async fill(prefix: string, keys: number): Promise<void> {
    const chunks = Math.ceil(keys / PUTS_A_TRANSACTION);
    await this.#inParallel(chunks, async (chunk) => {
      const from = chunk * PUTS_A_TRANSACTION;
      await this.#putAll(prefix, from, Math.min(PUTS_A_TRANSACTION, keys - from));
    });
  }

  /** Writes revisions of some keys each, one after the other. @returns the revision before the first. */
  async revisions(prefix: string, revisions: number, keysEach: number): Promise<string> {
    const first = await this.#putAll(prefix, 0, keysEach);
    for (let i = 1; i < revisions; i++) await this.#putAll(prefix, i * keysEach, keysEach);
    return String(BigInt(first) - 1n);
  }

  /** Writes revisions of one key each. @returns the revision before the first. */
  async singles(prefix: string, revisions: number): Promise<string> {
    const first = await this.#putAll(prefix, 0, 1);
    await this.#inParallel(revisions - 1, (i) => this.#putAll(prefix, i + 1, 1));
    return String(BigInt(first) - 1n);
  }

  /** Writes many times over 1,000 keys, and last of all the key `last`. */
  async churn(prefix: string, changes: number): Promise<void> {
    const keys = 1_000;
    const chunks = Math.ceil(changes / PUTS_A_TRANSACTION);
    await this.#inParallel(chunks, (chunk) =>
      this.#putAll(prefix, (chunk * PUTS_A_TRANSACTION) % keys, PUTS_A_TRANSACTION),
    );
    await this.client.put(`${prefix}last`).value(String(changes - 1));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    await this.etcd[Symbol.asyncDispose]();
  }

  async #putAll(prefix: string, from: number, count: number): Promise<string> {
    const success = Array.from({ length: count }, (_, i) => {
      const key = Buffer.from(prefix + String(from + i).padStart(7, '0'));
      return { request_put: { key, value: VALUE } };
    });
    const { header } = await this.client.kv.txn({ success });
    return header.revision;
  }

  async #inParallel(count: number, run: (index: number) => Promise<unknown>): Promise<void> {
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let index = next++; index < count; index = next++) await run(index);
    };
    await Promise.all(Array.from({ length: WRITERS }, worker));
  }
}
