import { type ConnectOptions, type Revision, type Timing, WatchError } from '@rollcall/core';
import type { QuietUpdate, Target } from '@rollcall/core/adapter';
import { type Connection, Limiter, untilAborted } from '@rollcall/core/internal';
import type { IDeleteRangeResponse, ILeaseGrantResponse, IPutResponse } from 'etcd3';
import type { ChannelSecurity } from '../rpc/credentials.js';
import { CONNECT_AND_ANSWER_MS, type RpcLimits } from '../rpc/deadlines.js';
import type { Etcd3Methods } from '../rpc/etcd3Client.js';
import { Login } from '../rpc/login.js';
import type { RangeAnswer, ResponseHeader, TxnAnswer } from '../rpc/messages.js';
import { type Method, RANGE, STATUS, TXN } from '../rpc/methods.js';
import { rangeOf } from '../rpc/range.js';
import type { RangeRequest, TxnRequest } from '../rpc/requests.js';
import { cannotAnswer } from '../rpc/status.js';
import { Transport } from '../rpc/transport.js';
import { type ServerVersion, trustsProgress } from '../rpc/version.js';
import { SharedReads } from './sharedReads.js';
import { SharedStreams } from './sharedStreams.js';
import { type CreatedWatch, WatchStream } from './stream.js';

/** Watches that list, or prove their state, at once. */
const ADMITTED = 64;

export interface EtcdConnectionOptions extends ConnectOptions, ChannelSecurity {
  readonly timing: Timing;
}

/** Events of a connection. */
export interface ServerEvents {
  onVersion(version: ServerVersion, endpoint: string): void;
  /** Called when watches must be proven by reads, with the reason. */
  onProvenByReads(why: string, endpoint: string): void;
}

/** An open watch and its stream. */
export interface OpenWatch extends CreatedWatch {
  readonly stream: WatchStream;
}

/**
 * One endpoint of a cluster for one user: one TCP connection, one login, one stream for all watches. Nothing is tried
 * twice, except once with a new token after the old one was refused.
 */
export class EtcdConnection implements Connection {
  readonly endpoint: string;
  readonly timing: Timing;
  readonly admission = new Limiter(ADMITTED);
  /** Combines reads that watches make at the same time. */
  readonly reads = new SharedReads((ranges, limits) => this.txn(ranges, limits));
  /** Age of a proof at which the watch asks for the next one, ms. */
  readonly proofEveryMs: number;
  readonly #options: EtcdConnectionOptions;
  readonly #transport: Transport;
  readonly #login: Login | undefined;
  readonly #events: ServerEvents;
  readonly #streams = new SharedStreams(() => this.#newStream());
  readonly #closed = new AbortController();
  #etcd3: Promise<Etcd3Methods> | undefined;
  #version: ServerVersion | undefined;
  #clusterId: string | undefined;

  /** @throws WatchError INVALID_OPTION for certificates or a key that cannot be read. */
  constructor(endpoint: string, proofEveryMs: number, options: EtcdConnectionOptions, events: ServerEvents) {
    this.endpoint = endpoint;
    this.timing = options.timing;
    this.proofEveryMs = proofEveryMs;
    this.#options = options;
    this.#events = events;
    this.#transport = new Transport(endpoint, options);
    if (options.username !== undefined) {
      this.#login = new Login(
        () => this.#authenticate(),
        () => this.timing.now(),
      );
    }
  }

  /** The cluster id of the server; undefined while no answer had one, as behind a proxy. */
  get clusterId(): string | undefined {
    return this.#clusterId;
  }

  /** Connects, and asks whether the server can answer. @throws WatchError why it cannot. */
  async dial(signal: AbortSignal): Promise<void> {
    try {
      const status = await this.#transport.unary(STATUS, undefined, { signal, token: undefined });
      this.#learnVersion(status.version);
      if (!status.errors.some((error) => error.includes('no leader'))) return;
    } catch (error) {
      // The server answers, even if it refuses its status.
      if (!cannotAnswer(error)) return;
      throw error;
    }
    throw new WatchError(
      'UNAVAILABLE',
      `etcd at ${this.endpoint} has no leader: it elects one or has lost its quorum.`,
    );
  }

  async range(request: RangeRequest, limits: RpcLimits): Promise<RangeAnswer> {
    return this.#ofThisCluster(await this.#call(RANGE, request, limits));
  }

  /** Makes reads at one moment. */
  async txn(ranges: TxnRequest, limits: RpcLimits): Promise<TxnAnswer> {
    return this.#ofThisCluster(await this.#call(TXN, ranges, limits));
  }

  async put(request: object, limits: RpcLimits): Promise<IPutResponse> {
    return this.#call((await this.#etcd3Methods()).put, request, limits);
  }

  async deleteRange(request: object, limits: RpcLimits): Promise<IDeleteRangeResponse> {
    return this.#call((await this.#etcd3Methods()).deleteRange, request, limits);
  }

  async leaseGrant(request: object, limits: RpcLimits): Promise<ILeaseGrantResponse> {
    return this.#call((await this.#etcd3Methods()).leaseGrant, request, limits);
  }

  /**
   * Creates a watch on the shared stream.
   * @param start the first revision wanted.
   * @throws WatchError FORBIDDEN, UNAUTHENTICATED: this watch alone; TIMEOUT; what ended the stream.
   */
  async watch(
    target: Target,
    start: Revision,
    options: { readonly signal: AbortSignal; readonly tell?: ((update: QuietUpdate) => void) | undefined },
  ): Promise<OpenWatch> {
    const { signal } = options;
    for (let mayRenew = this.#login !== undefined; ; ) {
      const stream = await this.#streams.current(signal);
      // The stream may have ended with its last watch meanwhile.
      if (stream.ended) continue;
      try {
        return { stream, ...(await stream.create(target, start, options)) };
      } catch (error) {
        if (!mayRenew || !isRefusal(error)) throw await this.#transport.explained(error, signal);
        mayRenew = false;
        // The stream keeps the token that it was opened with, and an expired one may be reported as "permission
        // denied". A read with a valid token decides.
        await this.range({ ...rangeOf(target), countOnly: true }, { signal });
        this.#streams.retire(stream);
      }
    }
  }

  /** Checks the cluster id of an answer. @throws WatchError BAD_RESPONSE if it is another than before. */
  know({ clusterId }: ResponseHeader): void {
    // A proxy gives the cluster id 0, which is no evidence.
    if (clusterId === '0') return;
    this.#clusterId ??= clusterId;
    if (this.#clusterId === clusterId) return;
    throw new WatchError(
      'BAD_RESPONSE',
      `Answers of ${this.endpoint} come from two etcd clusters (${this.#clusterId}, ${clusterId}): does one address lead to both?`,
    );
  }

  /** Closes the connection: running calls end normally, and the TCP connection closes after the last. */
  close(): void {
    this.#closed.abort();
    this.#transport.close();
  }

  #ofThisCluster<T extends { readonly header: ResponseHeader }>(answer: T): T {
    this.know(answer.header);
    return answer;
  }

  async #newStream(): Promise<WatchStream> {
    const token = await this.#login?.token();
    const call = this.#transport.watch(token);
    if (this.#version === undefined) void this.#askVersion();
    return new WatchStream(call, {
      endpoint: this.endpoint,
      timing: this.timing,
      proofEveryMs: this.proofEveryMs,
      trustsProgress: () => trustsProgress(this.#version),
      onHeader: (header) => this.know(header),
      onProvenByReads: () => this.#events.onProvenByReads(this.#whyByReads(), this.endpoint),
    });
  }

  #whyByReads(): string {
    if (this.#version !== undefined && !trustsProgress(this.#version)) {
      return `etcd ${this.#version} may tell progress before events`;
    }
    return 'requests for progress go unanswered there, as behind "etcd grpc-proxy"';
  }

  /** Asks for the version. If there is no answer, progress replies are not trusted. */
  async #askVersion(): Promise<void> {
    try {
      const { signal } = this.#closed;
      const options = { signal, token: undefined, deadlineMs: CONNECT_AND_ANSWER_MS };
      this.#learnVersion((await this.#transport.unary(STATUS, undefined, options)).version);
    } catch {}
  }

  #learnVersion(version: ServerVersion): void {
    if (this.#version !== undefined || version === '') return;
    this.#version = version;
    this.#events.onVersion(version, this.endpoint);
  }

  #call<Req, Res>(method: Method<Req, Res>, request: Req, { signal, deadlineMs }: RpcLimits): Promise<Res> {
    return this.#authorised(signal, (token) => this.#transport.unary(method, request, { signal, token, deadlineMs }));
  }

  /** etcd reports an invalid token as "invalid auth token" or "revision of auth store is old". */
  async #authorised<T>(signal: AbortSignal, run: (token: string | undefined) => Promise<T>): Promise<T> {
    if (this.#login === undefined) return run(undefined);
    const servedBefore = this.#login.held;
    const token = await untilAborted(this.#login.token(), signal);
    try {
      return await run(token);
    } catch (error) {
      if (!servedBefore || WatchError.from(error).code !== 'UNAUTHENTICATED') throw error;
      return run(await untilAborted(this.#login.renew(token), signal));
    }
  }

  /** Not with etcd3's authenticator, which opens a connection for each token and never closes it. */
  async #authenticate(): Promise<string | undefined> {
    const { username, password } = this.#options;
    const { authenticate } = await this.#etcd3Methods();
    try {
      const request = { name: username, password };
      const { token } = await this.#transport.unary(authenticate, request, { token: undefined });
      return token;
    } catch (error) {
      // If authentication is off, a given user is no error, as in etcdctl.
      if (error instanceof WatchError && error.message.includes('authentication is not enabled')) return undefined;
      throw error;
    }
  }

  #etcd3Methods(): Promise<Etcd3Methods> {
    this.#etcd3 ??= import('../rpc/etcd3Client.js').then(({ etcd3Methods }) =>
      etcd3Methods(this.#transport, this.endpoint),
    );
    return this.#etcd3;
  }
}

function isRefusal(error: unknown): boolean {
  const { code } = WatchError.from(error);
  return code === 'UNAUTHENTICATED' || code === 'FORBIDDEN';
}
