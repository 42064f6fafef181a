import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { etcdReady, launchEtcd } from '../../servers/etcd/server.mjs';
import { ensure } from '../../servers/lib.mjs';
import type { Certificates } from './certificates.js';
import { onFreePorts } from './ports.js';
import { type Launch, ServerProcess } from './process.js';
import { temporaryRoot } from './reaper.js';
import { runTool } from './tool.js';

/** The versions that the lock files of `servers/` pin. */
const SERVERS = { '3.5': 'etcd-3.5', '3.6': 'etcd', '3.7': 'etcd-3.7' } as const;

export type EtcdVersion = keyof typeof SERVERS;

export interface EtcdOptions {
  /** Default: 3.6. */
  readonly version?: EtcdVersion;
  /** Further command line flags, such as `--auto-compaction-retention=1`. */
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

/** A member's name and addresses among its peers. */
export interface Membership {
  readonly name: string;
  /** The URL at which its peers reach it: its listener, or a proxy in front of it. */
  readonly peerUrl: string;
  /** `name=peerUrl,…` of all members. */
  readonly initialCluster: string;
}

/** Ports of 127.0.0.1. */
export interface EtcdPorts {
  readonly clientPort: number;
  readonly peerPort: number;
}

/** Everything that stays the same through restarts. */
interface Place {
  readonly ports: EtcdPorts;
  readonly membership: Membership;
  readonly dataDir: string;
  readonly flags: readonly string[];
  readonly tls: Certificates | undefined;
}

/** A real etcd member of a test's own: on free loopback ports, with its own data. */
export class Etcd implements AsyncDisposable {
  readonly #place: Place;
  readonly #process: ServerProcess;
  #folder: string;

  private constructor(place: Place, server: ServerProcess, folder: string) {
    this.#place = place;
    this.#process = server;
    this.#folder = folder;
  }

  static async start(
    ports: EtcdPorts,
    membership: Membership,
    { version = '3.6', flags = [], dataDir, tls }: EtcdOptions,
  ): Promise<Etcd> {
    const data = dataDir ?? (await mkdtemp(join(temporaryRoot(), `${membership.name}-`)));
    const place = { ports, membership, dataDir: data, flags, tls };
    const folder = await folderOf(version);
    return new Etcd(place, await ServerProcess.start(launchOf(place, folder)), folder);
  }

  /** The folder of the binaries. */
  get folder(): string {
    return this.#folder;
  }

  get membership(): Membership {
    return this.#place.membership;
  }

  get dataDir(): string {
    return this.#place.dataDir;
  }

  get port(): number {
    return this.#place.ports.clientPort;
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
    const { tls } = this.#place;
    const secure = tls ? [`--cacert=${tls.caFile}`, `--cert=${tls.clientCertFile}`, `--key=${tls.clientKeyFile}`] : [];
    const user = options.user === undefined ? [] : [`--user=${options.user}`];
    const endpoint = `--endpoints=${tls ? 'https' : 'http'}://${this.endpoint}`;
    return runTool(join(this.#folder, 'etcdctl'), [endpoint, ...secure, ...user, ...args], options.input);
  }

  /** What `etcdutl ARGS…` prints; it works on files. @throws an Error with its standard error */
  etcdutl(args: readonly string[]): Promise<string> {
    return runTool(join(this.#folder, 'etcdutl'), args);
  }

  /** SIGKILL. */
  kill9(): Promise<void> {
    return this.#process.kill9();
  }

  /** SIGTERM: etcd ends its watches and closes its connections. */
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

  /**
   * Kills it if it runs, and starts it again with the same data on the same ports, as another version if given.
   * Resolves when it has a leader. A member without a quorum has none, so restart several at once.
   */
  async restart(version?: EtcdVersion): Promise<void> {
    if (version !== undefined) this.#folder = await folderOf(version);
    await this.#process.restart(launchOf(this.#place, this.#folder));
  }

  /** Kills it and removes its data. `restart()` then begins another history on the same ports. */
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
  return onFreePorts(2, ([clientPort = 0, peerPort = 0]) => {
    const peerUrl = `http://127.0.0.1:${peerPort}`;
    const membership = { name: 'etcd', peerUrl, initialCluster: `etcd=${peerUrl}` };
    return Etcd.start({ clientPort, peerPort }, membership, options);
  });
}

const folderOf = (version: EtcdVersion): Promise<string> => ensure(SERVERS[version], { log: console.error });

function launchOf({ ports, membership, dataDir, flags, tls }: Place, folder: string): Launch {
  const { name, peerUrl, initialCluster } = membership;
  const clientUrl = `${tls ? 'https' : 'http'}://127.0.0.1:${ports.clientPort}`;
  return {
    name: `etcd ${name}`,
    ...launchEtcd({
      folder,
      name,
      dataDir,
      clientUrl,
      peerUrl: `http://127.0.0.1:${ports.peerPort}`,
      initialCluster,
      flags: [`--initial-advertise-peer-urls=${peerUrl}`, ...(tls ? tlsFlags(tls) : []), ...flags],
    }),
    ready: () => etcdReady(clientUrl, tls ? { tls: tls.client } : {}),
  };
}

function tlsFlags(tls: Certificates): string[] {
  return [
    `--cert-file=${tls.serverCertFile}`,
    `--key-file=${tls.serverKeyFile}`,
    `--trusted-ca-file=${tls.caFile}`,
    '--client-cert-auth',
  ];
}
