import { join } from 'node:path';
import { request } from '../../servers/http.mjs';
import { ensure } from '../../servers/lib.mjs';
import type { EtcdVersion } from '../support/etcd.js';
import { onFreePorts } from '../support/ports.js';
import { type Launch, ServerProcess } from '../support/process.js';

const SERVERS = { '3.5': 'etcd-3.5', '3.6': 'etcd', '3.7': 'etcd-3.7' } as const;

export interface GrpcProxyOptions {
  readonly version?: EtcdVersion;
  /** Put in front of every key. */
  readonly namespace?: string;
}

/** etcd's own gRPC proxy: it numbers watches by itself, merges equal ones and drops requests for progress. */
export class GrpcProxy implements AsyncDisposable {
  readonly endpoint: string;
  readonly #process: ServerProcess;

  private constructor(endpoint: string, server: ServerProcess) {
    this.endpoint = endpoint;
    this.#process = server;
  }

  static start(
    endpoints: readonly string[],
    { version = '3.6', namespace }: GrpcProxyOptions = {},
  ): Promise<GrpcProxy> {
    return onFreePorts(1, async ([port = 0]) => {
      const folder = await ensure(SERVERS[version], { log: console.error });
      const endpoint = `127.0.0.1:${port}`;
      const launch: Launch = {
        name: 'etcd grpc-proxy',
        command: join(folder, 'etcd'),
        args: [
          'grpc-proxy',
          'start',
          `--endpoints=${endpoints}`,
          `--listen-addr=${endpoint}`,
          `--advertise-client-url=${endpoint}`,
          ...(namespace === undefined ? [] : [`--namespace=${namespace}`]),
        ],
        ready: async () => (await request(`http://${endpoint}/proxy/health`)).status === 200,
      };
      return new GrpcProxy(endpoint, await ServerProcess.start(launch));
    });
  }

  restart(): Promise<void> {
    return this.#process.restart();
  }

  kill9(): Promise<void> {
    return this.#process.kill9();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.kill9();
  }
}
