import { type ConnectOptions, WatchError } from '@rollcall/core';
import type {
  IAuthenticateResponse,
  IDeleteRangeRequest,
  IDeleteRangeResponse,
  ILeaseGrantRequest,
  ILeaseGrantResponse,
  IPutRequest,
  IPutResponse,
  IRangeRequest,
  ITxnRequest,
  ITxnResponse,
  Services,
} from 'etcd3';
import { unlessAborted } from './abort.js';
import type { SecurityOptions } from './credentials.js';
import { Login } from './login.js';
import { decodeRange, type RangeAnswer } from './messages.js';
import { Transport, type WatchCall } from './transport.js';

export type ConnectionOptions = ConnectOptions & SecurityOptions;

/**
 * One endpoint of a cluster, as one user. Nothing is tried twice, except with a new token when the old one was refused.
 */
export class Connection {
  readonly endpoint: string;
  readonly #transport: Transport;
  readonly #login: Login | undefined;

  /** @throws WatchError INVALID_OPTION for certificates or a key that cannot be read. */
  constructor(endpoint: string, options: ConnectionOptions) {
    this.endpoint = endpoint;
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
   * Opens a watch stream.
   * @param start given the call, which it must cancel in the end. What it throws as UNAUTHENTICATED or FORBIDDEN may be
   *   tried once more, on another call.
   */
  watch<T>(signal: AbortSignal, start: (call: WatchCall) => Promise<T>): Promise<T> {
    return this.#authorised(signal, async (token) => start(await this.#transport.watch(token)));
  }

  /** Calls that run go on to their end; the TCP connection closes after the last of them. */
  close(): void {
    this.#transport.close();
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

  /** A dead token reads as "invalid auth token", "revision of auth store is old" or even as "permission denied". */
  async #authorised<T>(signal: AbortSignal, run: (token: string | undefined) => Promise<T>): Promise<T> {
    if (this.#login === undefined) return run(undefined);
    const servedBefore = this.#login.held;
    const token = await unlessAborted(this.#login.token(), signal);
    try {
      return await run(token);
    } catch (error) {
      const { code } = WatchError.from(error);
      if (!servedBefore || (code !== 'UNAUTHENTICATED' && code !== 'FORBIDDEN')) throw error;
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
