import { base64, type Gateway, type RangeAnswer } from '../../chaos/etcd/gateway.js';

/** The registry's keys, one for each address, written by a client that shares nothing with the one under test. */
export class Keys {
  readonly #gateway: Gateway;
  readonly #prefix: string;

  constructor(gateway: Gateway, prefix: string) {
    this.#gateway = gateway;
    this.#prefix = prefix;
  }

  /** @returns when the change was asked for: wall clock, ms. Whoever hears of it does so later. */
  async put(key: string, value = ''): Promise<number> {
    const at = Date.now();
    await this.#gateway.post('/v3/kv/put', { key: base64(this.#prefix + key), value: base64(value) });
    return at;
  }

  /** @returns when the change was asked for: wall clock, ms */
  async delete(key: string): Promise<number> {
    const at = Date.now();
    await this.#gateway.post('/v3/kv/deleterange', { key: base64(this.#prefix + key) });
    return at;
  }

  /** All revisions but the newest are forgotten. */
  async compact(): Promise<void> {
    const { header } = await this.#gateway.post<RangeAnswer>('/v3/kv/range', { key: base64(this.#prefix) });
    await this.#gateway.post('/v3/kv/compaction', { revision: header.revision });
  }

  /** @returns the keys, without their prefix */
  async present(): Promise<string[]> {
    const end = `${this.#prefix.slice(0, -1)}0`;
    const range = { key: base64(this.#prefix), range_end: base64(end), keys_only: true };
    const { kvs = [] } = await this.#gateway.post<RangeAnswer>('/v3/kv/range', range);
    return kvs.map(({ key }) => Buffer.from(key, 'base64').toString().slice(this.#prefix.length));
  }

  /**
   * Makes these the only keys: as brokers do that moved, the new ones come one by one, then the others go.
   * @returns when the last change was asked for: wall clock, ms
   */
  async name(addresses: readonly string[]): Promise<number> {
    const before = await this.present();
    let at = Date.now();
    for (const address of addresses) if (!before.includes(address)) at = await this.put(address);
    for (const key of before) if (!addresses.includes(key)) at = await this.delete(key);
    return at;
  }

  close(): void {
    this.#gateway.close();
  }
}
