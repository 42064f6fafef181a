import { type ConnectOptions, type Revision, type Target, WatchError } from '@rollcall/core';
import type {
  IAuthenticateResponse,
  IDeleteRangeRequest,
  IDeleteRangeResponse,
  ILeaseGrantRequest,
  ILeaseGrantResponse,
  IPutRequest,
  IPutResponse,
  IRangeRequest,
  IStatusResponse,
  ITxnRequest,
  ITxnResponse,
  Services,
} from 'etcd3';
import { unlessAborted } from '../rpc/abort.js';
import type { SecurityOptions } from '../rpc/credentials.js';
import { Login } from '../rpc/login.js';
import { decodeRange, type RangeAnswer } from '../rpc/messages.js';
import { rangeOf } from '../rpc/range.js';
import { Transport } from '../rpc/transport.js';
import { type ServerVersion, trustsProgress } from '../rpc/version.js';
import { SharedStream } from './sharedStream.js';
import { WatchStream } from './stream.js';
import type { StreamWatch } from './streamWatch.js';

export type ConnectionOptions = ConnectOptions & SecurityOptions;

/** A watch, and the stream's word on it. */
export interface Watching {
  readonly stream: WatchStream;
  readonly watch: StreamWatch;
  /** The store's revision when the watch was created, as far as that one member knew. It implies no delivery. */
  readonly createdAt: Revision;
}

/**
 * One endpoint of a cluster, as one user: one TCP connection, one login, one stream for all watches. Nothing is tried
 * twice, except with a new token when the old one was refused.
 */
export class Connection {
  readonly endpoint: string;
  readonly #transport: Transport;
  readonly #login: Login | undefined;
  readonly #onVersion: (version: ServerVersion) => void;
  readonly #streams = new SharedStream(() => this.#newStream());
  readonly #closed = new AbortController();
  #version: ServerVersion | undefined;

  /**
   * @param onVersion told of the server's version, once it is known.
   * @throws WatchError INVALID_OPTION for certificates or a key that cannot be read.
   */
  constructor(endpoint: string, options: ConnectionOptions, onVersion: (version: ServerVersion) => void = () => {}) {
    this.endpoint = endpoint;
    this.#onVersion = onVersion;
    this.#transport = new Transport(endpoint, options);
    if (options.username !== undefined) this.#login = new Login(() => this.#authenticate(options));
  }

  range(request: IRangeRequest, signal: AbortSignal): Promise<RangeAnswer> {
    return this.#call('KV', 'Range', request, signal, decodeRange);
  }

  txn(request: ITxnRequest, signal: AbortSignal): Promise<ITxnResponse> {
    return this.#call('KV', 'Txn', request, signal);
  }

  put(request: IPutRequest, signal: AbortSignal): Promise<IPutResponse> {
    return this.#call('KV', 'Put', request, signal);
  }

  deleteRange(request: IDeleteRangeRequest, signal: AbortSignal): Promise<IDeleteRangeResponse> {
    return this.#call('KV', 'DeleteRange', request, signal);
  }

  leaseGrant(request: ILeaseGrantRequest, signal: AbortSignal): Promise<ILeaseGrantResponse> {
    return this.#call('Lease', 'LeaseGrant', request, signal);
  }

  /**
   * Creates a watch on the stream that all share.
   * @param start the first revision wanted.
   * @throws WatchError FORBIDDEN, UNAUTHENTICATED: this watch alone; TIMEOUT; what ended the stream.
   */
  async watch(target: Target, start: Revision, signal: AbortSignal): Promise<Watching> {
    for (let mayRenew = this.#login !== undefined; ; ) {
      const stream = await this.#streams.current(signal);
      // The last of its watches may have left it since.
      if (stream.ended) continue;
      try {
        return { stream, ...(await stream.create(target, start, signal)) };
      } catch (error) {
        if (!mayRenew || !isRefusal(error)) throw await this.#transport.explained(error, signal);
        mayRenew = false;
        // A stream keeps the token it was opened with, and a dead one may read as "permission denied". A read with a
        // living one decides.
        await this.range({ ...rangeOf(target), count_only: true }, signal);
        this.#streams.retire(stream);
      }
    }
  }

  /** Calls that run go on to their end; the TCP connection closes after the last of them. */
  close(): void {
    this.#closed.abort();
    this.#transport.close();
  }

  async #newStream(): Promise<WatchStream> {
    const token = await this.#login?.token();
    const call = await this.#transport.watch(token);
    if (this.#version === undefined) void this.#askVersion();
    return new WatchStream(call, this.endpoint, () => trustsProgress(this.#version));
  }

  /** Not needed for anything to work: without an answer, progress is not trusted. */
  async #askVersion(): Promise<void> {
    try {
      const { version } = await this.#call<object, IStatusResponse>('Maintenance', 'Status', {}, this.#closed.signal);
      this.#version = version;
      this.#onVersion(version);
    } catch {}
  }

  #call<Req, Res>(
    service: keyof typeof Services,
    name: string,
    request: Req,
    signal: AbortSignal,
    decode?: (bytes: Buffer) => Res,
  ): Promise<Res> {
    return this.#authorised(signal, (token) =>
      this.#transport.unary(service, name, request, { signal, token, decode }),
    );
  }

  /** A dead token reads as "invalid auth token" or "revision of auth store is old". */
  async #authorised<T>(signal: AbortSignal, run: (token: string | undefined) => Promise<T>): Promise<T> {
    if (this.#login === undefined) return run(undefined);
    const servedBefore = this.#login.held;
    const token = await unlessAborted(this.#login.token(), signal);
    try {
      return await run(token);
    } catch (error) {
      if (!servedBefore || WatchError.from(error).code !== 'UNAUTHENTICATED') throw error;
      return run(await unlessAborted(this.#login.renew(token), signal));
    }
  }

  /** Not by etcd3's own authenticator: it opens a connection for each token and never closes it. */
  async #authenticate({ username, password }: ConnectOptions): Promise<string | undefined> {
    const request = { name: username, password };
    const options = { token: undefined };
    try {
      const answer = await this.#transport.unary<object, IAuthenticateResponse>(
        'Auth',
        'Authenticate',
        request,
        options,
      );
      return answer.token;
    } catch (error) {
      // With authentication switched off, a user is no error: etcdctl ignores it too.
      if (error instanceof WatchError && error.message.includes('authentication is not enabled')) return undefined;
      throw error;
    }
  }
}

function isRefusal(error: unknown): boolean {
  const { code } = WatchError.from(error);
  return code === 'UNAUTHENTICATED' || code === 'FORBIDDEN';
}
