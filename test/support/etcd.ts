import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { etcdReady, launchEtcd } from '../../servers/etcd/server.mjs';
import { ensure } from '../../servers/lib.mjs';
import { untilReady } from '../../servers/ready.mjs';
import { allOrNone } from './all-or-none.js';
import type { Certificates } from './certificates.js';
import { onFreePorts } from './ports.js';
import { type Launch, ServerProcess } from './process.js';
import { temporaryRoot } from './reaper.js';
import { runTool } from './tool.js';

/** Many election timeouts of a cluster on a busy machine. */
const LEADER_TIMEOUT_MS = 20_000;

export interface EtcdOptions {
  /** More command line flags, as `--auto-compaction-retention=1`. */
  readonly flags?: readonly string[];
  /** A folder to use and keep; one of its own by default. */
  readonly dataDir?: string;
  /** Serve clients by TLS, and only those with a certificate of this CA. */
  readonly tls?: Certificates;
}

export interface EtcdctlOptions {
  readonly input?: string | Uint8Array;
  /** `name:password` */
  readonly user?: string;
}

interface Member {
  readonly name: string;
  readonly clientPort: number;
  readonly peerPort: number;
  readonly initialCluster?: string;
}

/** A real etcd member of a test's own: on free loopback ports, with its own data. */
export class Etcd implements AsyncDisposable {
  readonly port: number;
  readonly peerPort: number;
  readonly dataDir: string;
  readonly #folder: string;
  readonly #process: ServerProcess;
  readonly #tls: Certificates | undefined;

  private constructor(
    member: Member,
    dataDir: string,
    folder: string,
    server: ServerProcess,
    tls: Certificates | undefined,
  ) {
    this.port = member.clientPort;
    this.peerPort = member.peerPort;
    this.dataDir = dataDir;
    this.#folder = folder;
    this.#process = server;
    this.#tls = tls;
  }

  static async start(member: Member, { flags = [], dataDir, tls }: EtcdOptions): Promise<Etcd> {
    const folder = await ensure('etcd', { log: console.error });
    const data = dataDir ?? (await mkdtemp(join(temporaryRoot(), `${member.name}-`)));
    const clientUrl = `${tls ? 'https' : 'http'}://127.0.0.1:${member.clientPort}`;
    const launch: Launch = {
      name: `etcd ${member.name}`,
      ...launchEtcd({
        folder,
        name: member.name,
        dataDir: data,
        clientUrl,
        peerUrl: `http://127.0.0.1:${member.peerPort}`,
        ...(member.initialCluster === undefined ? {} : { initialCluster: member.initialCluster }),
        flags: [...(tls ? tlsFlags(tls) : []), ...flags],
      }),
      ready: () => etcdReady(clientUrl, tls ? { tls: tls.client } : {}),
    };
    return new Etcd(member, data, folder, await ServerProcess.start(launch), tls);
  }

  /** `127.0.0.1:port` */
  get endpoint(): string {
    return `127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#process.pid;
  }

  get running(): boolean {
    return this.#process.running;
  }

  get logTail(): string {
    return this.#process.logTail;
  }

  /** What `etcdctl ARGS…` prints, e.g. `etcdctl(['put', 'a', 'b'])`. @throws an Error with its standard error */
  etcdctl(args: readonly string[], options: EtcdctlOptions = {}): Promise<string> {
    const tls = this.#tls;
    const secure = tls ? [`--cacert=${tls.caFile}`, `--cert=${tls.clientCertFile}`, `--key=${tls.clientKeyFile}`] : [];
    const user = options.user === undefined ? [] : [`--user=${options.user}`];
    const endpoint = `--endpoints=${tls ? 'https' : 'http'}://${this.endpoint}`;
    return runTool(join(this.#folder, 'etcdctl'), [endpoint, ...secure, ...user, ...args], options.input);
  }

  /** SIGKILL. */
  kill9(): Promise<void> {
    return this.#process.kill9();
  }

  /** SIGTERM: etcd closes its watches and connections properly. */
  stop(): Promise<void> {
    return this.#process.stop();
  }

  /** SIGSTOP: connections stay open and nothing is answered. */
  pause(): void {
    this.#process.pause();
  }

  /** SIGCONT. */
  resume(): void {
    this.#process.resume();
  }

  /** Killed if it runs, and started again with the same data on the same ports. */
  restart(): Promise<void> {
    return this.#process.restart();
  }

  /** Killed, and all its data removed; `restart()` then gives another history on the same ports. */
  async wipe(): Promise<void> {
    await this.kill9();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.wipe();
  }
}

/** One etcd, installed first when it is missing. */
export function startEtcd(options: EtcdOptions = {}): Promise<Etcd> {
  return onFreePorts(2, ([clientPort = 0, peerPort = 0]) =>
    Etcd.start({ name: 'etcd', clientPort, peerPort }, options),
  );
}

/** Several members of one cluster. */
export class EtcdCluster implements AsyncDisposable {
  readonly members: readonly Etcd[];

  private constructor(members: readonly Etcd[]) {
    this.members = members;
  }

  static async start(ports: readonly number[], options: EtcdOptions): Promise<EtcdCluster> {
    const names = Array.from({ length: ports.length / 2 }, (_, index) => `etcd${index}`);
    const places = names.map((name, index) => ({
      name,
      clientPort: ports[2 * index] ?? 0,
      peerPort: ports[2 * index + 1] ?? 0,
    }));
    const initialCluster = places.map(({ name, peerPort }) => `${name}=http://127.0.0.1:${peerPort}`).join(',');
    // 100 and 1000 by default, for members that are not on one machine: a new leader then takes over a second longer.
    const flags = ['--heartbeat-interval=50', '--election-timeout=500', ...(options.flags ?? [])];
    const starts = places.map((place) => Etcd.start({ ...place, initialCluster }, { ...options, flags }));
    return new EtcdCluster(await allOrNone(starts));
  }

  /** `127.0.0.1:port` of every member. */
  get endpoints(): string[] {
    return this.members.map((member) => member.endpoint);
  }

  /** The running member that leads, awaited while there is none. */
  async leader(): Promise<Etcd> {
    let leader: Etcd | undefined;
    await untilReady(async () => {
      for (const member of this.members) {
        if (member.running && (await leads(member))) leader = member;
      }
      return leader !== undefined;
    }, AbortSignal.timeout(LEADER_TIMEOUT_MS));
    if (leader === undefined) throw new Error('the etcd cluster has no leader');
    return leader;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map((member) => member[Symbol.asyncDispose]()));
  }
}

async function leads(member: Etcd): Promise<boolean> {
  // Both ids are 64 bits wide and lose the same digits as numbers.
  const [{ Status: status }] = JSON.parse(await member.etcdctl(['endpoint', 'status', '-w', 'json'])) as [
    EndpointStatus,
  ];
  return status.leader === status.header.member_id;
}

interface EndpointStatus {
  readonly Status: { readonly leader: number; readonly header: { readonly member_id: number } };
}

/** A cluster of real etcd members, ready when each of them knows the leader. A given `dataDir` is not for clusters. */
export function startEtcdCluster(size: number, options: Omit<EtcdOptions, 'dataDir'> = {}): Promise<EtcdCluster> {
  return onFreePorts(2 * size, (ports) => EtcdCluster.start(ports, options));
}

function tlsFlags(tls: Certificates): string[] {
  return [
    `--cert-file=${tls.serverCertFile}`,
    `--key-file=${tls.serverKeyFile}`,
    `--trusted-ca-file=${tls.caFile}`,
    '--client-cert-auth',
  ];
}
