import { setTimeout as delay } from 'node:timers/promises';
import type { Etcd } from '../../support/etcd.js';
import type { EtcdCluster } from '../../support/etcd-cluster.js';
import { Gateway, GatewayError } from './gateway.js';

/** How long to go on asking one member after the other, ms: through any fault of bounded length. */
const PATIENCE_MS = 30_000;
const PAUSE_MS = 50;

/** The gateways of a cluster's members: whoever asks goes to the next when one does not answer. */
export class Members {
  readonly #gateways: ReadonlyMap<Etcd, Gateway>;
  #current = 0;

  constructor(cluster: EtcdCluster) {
    this.#gateways = new Map(cluster.members.map((member) => [member, new Gateway(member.port)]));
  }

  /** The one that answered last, or the next after it failed. */
  get current(): Gateway {
    return this.all[this.#current % this.all.length] as Gateway;
  }

  get all(): readonly Gateway[] {
    return [...this.#gateways.values()];
  }

  of(member: Etcd): Gateway {
    const gateway = this.#gateways.get(member);
    if (gateway === undefined) throw new Error(`${member.endpoint} is not of this cluster`);
    return gateway;
  }

  /** From now on the next member is asked first. */
  turn(): void {
    this.#current++;
  }

  /** Asks one member after the other until one answers. @throws the last failure when time is up */
  async anyone<T>(ask: (gateway: Gateway) => Promise<T>): Promise<T> {
    const late = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await ask(this.current);
      } catch (error) {
        if (performance.now() > late || (error instanceof GatewayError && error.isFinal)) throw error;
        this.turn();
        await delay(PAUSE_MS);
      }
    }
  }

  close(): void {
    for (const gateway of this.#gateways.values()) gateway.close();
  }
}
