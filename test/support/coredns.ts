import { Resolver } from 'node:dns/promises';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { corefile, launchCoreDns } from '../../servers/coredns/server.mjs';
import { ensure } from '../../servers/lib.mjs';
import { onFreePorts } from './ports.js';
import { ServerProcess } from './process.js';
import { temporaryRoot } from './reaper.js';

/** One SRV record of the name that a test watches. */
export interface SrvRecord {
  readonly host: string;
  readonly port: number;
}

const ZONE = 'example.test';

/** A real DNS server of a test's own, with one zone. */
export class CoreDns implements AsyncDisposable {
  /** The name whose SRV records `serve` changes. */
  readonly name = `_kafka._tcp.${ZONE}`;
  readonly endpoint: string;
  readonly #folder: string;
  readonly #process: ServerProcess;
  #serial = 1;

  private constructor(folder: string, endpoint: string, process: ServerProcess) {
    this.#folder = folder;
    this.endpoint = endpoint;
    this.#process = process;
  }

  static async start(records: readonly SrvRecord[]): Promise<CoreDns> {
    const installed = await ensure('coredns');
    const folder = await mkdtemp(join(temporaryRoot(), 'coredns-'));
    await writeFile(join(folder, 'zone'), zoneOf(records, 1));
    return onFreePorts(1, async ([port = 0]) => {
      const endpoint = `127.0.0.1:${port}`;
      const conf = join(folder, 'Corefile');
      await writeFile(conf, corefile({ zone: ZONE, file: join(folder, 'zone'), port }));
      const launch = launchCoreDns({ folder: installed, corefile: conf });
      const ready = async (): Promise<boolean> => (await soaOf(endpoint)) !== undefined;
      return new CoreDns(folder, endpoint, await ServerProcess.start({ name: 'coredns', ...launch, ready }));
    });
  }

  /** Changes the records, and waits until the server answers with them. */
  async serve(records: readonly SrvRecord[]): Promise<void> {
    const serial = ++this.#serial;
    await writeFile(join(this.#folder, 'zone.new'), zoneOf(records, serial));
    await rename(join(this.#folder, 'zone.new'), join(this.#folder, 'zone'));
    while ((await soaOf(this.endpoint)) !== serial) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  stop(): Promise<void> {
    return this.#process.stop();
  }

  restart(): Promise<void> {
    return this.#process.restart();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true });
  }
}

function zoneOf(records: readonly SrvRecord[], serial: number): string {
  const srv = records.map(({ host, port }) => `_kafka._tcp 1 IN SRV 0 0 ${port} ${host}.${ZONE}.`);
  return [`$ORIGIN ${ZONE}.`, `@ 1 IN SOA ns root ${serial} 60 60 60 1`, '@ 1 IN NS ns', ...srv, ''].join('\n');
}

/** The zone's serial that the server answers with; undefined while it does not answer. */
async function soaOf(endpoint: string): Promise<number | undefined> {
  const resolver = new Resolver({ timeout: 500, tries: 1 });
  resolver.setServers([endpoint]);
  return resolver.resolveSoa(ZONE).then(
    ({ serial }) => serial,
    () => undefined,
  );
}
