import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ConsulPorts,
  consulConfig,
  consulReady,
  consulUrl,
  launchConsul,
  tokenHeader,
} from '../../servers/consul/server.mjs';
import { request } from '../../servers/http.mjs';
import { ensure } from '../../servers/lib.mjs';
import { allOrNone } from './all-or-none.js';
import type { Certificates } from './certificates.js';
import { onFreePorts } from './ports.js';
import { type Launch, ServerProcess } from './process.js';
import { temporaryRoot } from './reaper.js';

export interface ConsulOptions {
  /** Access control with default policy `deny`; `consul.token` may do everything. */
  readonly acl?: boolean;
  /** Serve HTTPS instead of HTTP, and only clients with a certificate of this CA. */
  readonly tls?: Certificates;
  /** Further top-level fields of the agent's configuration; they replace the default ones. */
  readonly config?: Readonly<Record<string, unknown>>;
}

export interface ConsulRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A string is sent unchanged, anything else as JSON. */
  readonly body?: unknown;
  /** Default: the management token, if there is one. '' for no token. */
  readonly token?: string;
  /** 15 000 unless given; longer for blocking queries. */
  readonly timeoutMs?: number;
}

/** Ports one server needs: HTTP or HTTPS, server RPC, serf. */
const PORTS = 3;

interface Place {
  readonly name: string;
  readonly ports: ConsulPorts;
}

interface Shared {
  /** The number of servers that elect the first leader; undefined for a client agent. */
  readonly servers: number | undefined;
  readonly join: readonly string[];
  readonly token?: string;
  readonly options: ConsulOptions;
}

/** A real Consul server or client agent of a test's own, with its state on disk. */
export class Consul implements AsyncDisposable {
  readonly port: number;
  /** The management token; undefined without access control. */
  readonly token: string | undefined;
  readonly #folder: string;
  readonly #process: ServerProcess;
  readonly #tls: Certificates | undefined;

  private constructor(place: Place, shared: Shared, folder: string, server: ServerProcess) {
    this.port = place.ports.api;
    this.token = shared.token;
    this.#folder = folder;
    this.#process = server;
    this.#tls = shared.options.tls;
  }

  static async start(place: Place, shared: Shared): Promise<Consul> {
    const install = await ensure('consul', { log: console.error });
    const folder = await mkdtemp(join(temporaryRoot(), `${place.name}-`));
    const { tls, config = {} } = shared.options;
    const { servers } = shared;
    const file = consulConfig({
      ...place,
      dataDir: join(folder, 'data'),
      join: shared.join,
      token: shared.token,
      tls: tls && { caFile: tls.caFile, certFile: tls.serverCertFile, keyFile: tls.serverKeyFile, verifyClients: true },
      config: { server: servers !== undefined, bootstrap_expect: servers, ...config },
    });
    const configFile = join(folder, 'consul.json');
    await writeFile(configFile, JSON.stringify(file, null, 2));
    const launch: Launch = {
      name: `consul ${place.name}`,
      ...launchConsul(install, configFile),
      ready: () =>
        consulReady(consulUrl(place.ports.api, tls), {
          headers: tokenHeader(shared.token),
          ...(tls ? { tls: tls.client } : {}),
        }),
    };
    return new Consul(place, shared, folder, await ServerProcess.start(launch));
  }

  /** `127.0.0.1:port` */
  get endpoint(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** `http://127.0.0.1:port`, or `https:` with TLS */
  get url(): string {
    return consulUrl(this.port, this.#tls);
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

  /** One request to the HTTP API, as `http('/v1/kv/a', { method: 'PUT', body: '1' })`. @throws unless the status is 2xx or 404 */
  async http(path: string, { method = 'GET', headers = {}, body, token, timeoutMs = 15_000 }: ConsulRequest = {}) {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const response = await request(`${this.url}${path}`, {
      method,
      headers: { ...tokenHeader(token ?? this.token), ...headers },
      timeoutMs,
      ...(text === undefined ? {} : { body: text }),
      ...(this.#tls ? { tls: this.#tls.client } : {}),
    });
    if ((response.status >= 200 && response.status < 300) || response.status === 404) return response;
    throw new Error(`consul: ${method} ${path}: ${response.status} ${response.body}`);
  }

  /** SIGKILL. */
  kill9(): Promise<void> {
    return this.#process.kill9();
  }

  /** SIGTERM. */
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

  /** Killed, and all its data removed; `restart()` then gives an empty server, whose index begins low again. */
  async wipe(): Promise<void> {
    await this.kill9();
    await rm(join(this.#folder, 'data'), { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill9();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Several servers of one datacenter. */
export class ConsulCluster implements AsyncDisposable {
  readonly servers: readonly Consul[];
  readonly #serverPorts: ReadonlyMap<number, Consul>;
  readonly #shared: Shared;

  private constructor(servers: readonly Consul[], places: readonly Place[], shared: Shared) {
    this.servers = servers;
    this.#shared = shared;
    this.#serverPorts = new Map(servers.map((server, index) => [places[index]?.ports.server ?? 0, server]));
  }

  static async start(ports: readonly number[], options: ConsulOptions): Promise<ConsulCluster> {
    const places = placesOf(ports);
    const join = places.map(({ ports }) => `127.0.0.1:${ports.serf}`);
    const shared: Shared = { servers: places.length, join, options, ...(options.acl ? { token: randomUUID() } : {}) };
    return new ConsulCluster(await allOrNone(places.map((place) => Consul.start(place, shared))), places, shared);
  }

  /** A client agent, as it runs beside each program in production: it asks the servers. Disposed of by the caller. */
  startAgent(name = 'agent'): Promise<Consul> {
    return onFreePorts(PORTS, ([api = 0, server = 0, serf = 0]) =>
      Consul.start({ name, ports: { api, server, serf } }, { ...this.#shared, servers: undefined }),
    );
  }

  /** `127.0.0.1:port` of every server. */
  get endpoints(): string[] {
    return this.servers.map((server) => server.endpoint);
  }

  /** The running server that leads, according to the others; undefined while there is none. */
  async leader(): Promise<Consul | undefined> {
    const asked = this.servers.find(({ running }) => running);
    const answer = (await asked?.http('/v1/status/leader'))?.body ?? '""';
    const leader = this.#serverPorts.get(Number((JSON.parse(answer) as string).split(':').at(-1)));
    return leader?.running ? leader : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map((server) => server[Symbol.asyncDispose]()));
  }
}

/** One Consul server, ready when it leads and a write went through; installed first when it is missing. */
export function startConsul(options: ConsulOptions = {}): Promise<Consul> {
  return onFreePorts(PORTS, async (ports) => {
    const [server] = (await ConsulCluster.start(ports, options)).servers;
    if (server === undefined) throw new Error('one server was started');
    return server;
  });
}

/** A cluster of Consul servers, ready when a write through each of them went through. */
export function startConsulCluster(size: number, options: ConsulOptions = {}): Promise<ConsulCluster> {
  return onFreePorts(PORTS * size, (ports) => ConsulCluster.start(ports, options));
}

function placesOf(ports: readonly number[]): Place[] {
  return Array.from({ length: ports.length / PORTS }, (_, index) => {
    const [api = 0, server = 0, serf = 0] = ports.slice(PORTS * index);
    return { name: `consul${index}`, ports: { api, server, serf } };
  });
}
