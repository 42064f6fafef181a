import { createServer, type Server } from 'node:net';
import { createTopic } from './admin.js';
import type { Cast } from './cast.js';
import type { Scenario } from './scenario.js';
import type { Part, Stage } from './stage.js';
import { storedIn } from './truth.js';

// Brokers that are not ours, by whatever way their addresses come.

/** How often clients have asked in vain for their brokers before ours come back. */
const TRIES = 5;

/** Only this cluster, and each broker is asked for it before it is listed. */
const pinned = (stage: Stage) => ({ clusterId: stage.kafka.clusterId, probe: true });

export const K10: Scenario = {
  name: 'K10',
  what: 'the registry names another cluster',
  list: pinned,
  async play(stage, cast) {
    const other = await stage.otherCluster();
    await createTopic(other, cast.topic, 3);
    await stage.endAll('kill9');
    const at = await stage.keys.name(other.bootstrap);
    await cast.each((process) => process.becomes('stale', 'OTHER_CLUSTER', at));
    await cast.each((process) => process.asks(TRIES, at));
    await comeBack(stage, cast);
    cast.blame(await storedIn(other, cast.topic), 'messages in the other cluster');
  },
};

export const K11: Scenario = {
  name: 'K11',
  what: 'another cluster has the address of one of ours',
  list: pinned,
  cannot: byItself,
  async play(stage, cast) {
    const other = await stage.otherCluster();
    await createTopic(other, cast.topic, 3);
    const [broker] = stage.kafka.brokers;
    const [foreign] = other.brokers;
    if (broker === undefined || foreign === undefined) throw new Error('no broker');
    await stage.endAll('kill9');
    const at = Date.now();
    await foreign.move(broker.port);
    await cast.each((process) => process.asks(TRIES, at));
    await comeBack(stage, cast);
    cast.blame(await storedIn(other, cast.topic), 'messages in the other cluster');
  },
};

export const K12: Scenario = {
  name: 'K12',
  what: 'brokers outside the allow-list, one of them advertised by one inside',
  list: () => ({ allow: ['127.0.0.1'] }),
  async play(stage, cast) {
    await using rogue = await Rogue.listen();
    await using guide = await stage.clusterThatAdvertises(rogue.address);
    await stage.endAll('kill9');
    await stage.keys.put(rogue.address);
    const at = await stage.keys.name([rogue.address, ...guide.bootstrap]);
    await cast.each((process) => process.asks(TRIES, at));
    await comeBack(stage, cast);
    if (rogue.connections > 0) cast.blameAll(`${rogue.connections} connections to the rogue broker`);
  },
};

async function comeBack(stage: Stage, cast: Cast): Promise<void> {
  await stage.moveAll('kill9');
  await cast.follow(await stage.keys.name(stage.kafka.bootstrap));
  await stage.inSync(cast.topic);
}

/** Behind a relay a client connects by itself to the addresses that it knows, and asks nobody whose they are. */
function byItself({ way, client }: Part): string | undefined {
  if (way !== 'relay') return undefined;
  return `By a relay ${client} connects to the addresses it knows by itself, and does not compare cluster ids.`;
}

/** Somebody who listens where nobody may connect to, on another loopback address. */
class Rogue implements AsyncDisposable {
  readonly #server: Server;
  connections = 0;

  private constructor() {
    this.#server = createServer((socket) => {
      this.connections++;
      socket.destroy();
    });
  }

  static async listen(): Promise<Rogue> {
    const rogue = new Rogue();
    await new Promise<void>((resolve) => rogue.#server.listen({ host: '127.0.0.2', port: 0 }, resolve));
    return rogue;
  }

  get address(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('not listening');
    return `127.0.0.2:${address.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
