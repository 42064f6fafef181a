import type { Socket } from 'node:net';
import { Channel, Client, type ClientDuplexStream, Metadata } from '@grpc/grpc-js';
import { type Timing, WatchError } from '@rollcall/core';
import { LinkedAbort, untilAborted } from '@rollcall/core/internal';
import { type ChannelSecurity, SocketCredentials } from './credentials.js';
import { ANSWER_MS, CONNECT_AND_ANSWER_MS, CONNECT_MS } from './deadlines.js';
import type { WatchAnswer } from './messages.js';
import { type Method, WATCH } from './methods.js';
import { speaksPlain, speaksTls } from './probe.js';
import type { WatchRequest } from './requests.js';
import { stopTelling, tellingSockets } from './sockets.js';
import { hungUp, otherProtocol, toWatchError } from './status.js';

/** A transaction, or a batch of up to 1,000 revisions, can be far larger than gRPC's 4 MiB. */
const MAX_MESSAGE_BYTES = 512 * 1024 * 1024;

export type WatchCall = ClientDuplexStream<WatchRequest, WatchAnswer>;

export interface TransportOptions extends ChannelSecurity {
  /** The largest answer that is accepted, bytes. Default: 512 MiB. */
  readonly maxMessageBytes?: number;
  readonly timing: Timing;
}

export interface RpcOptions {
  readonly signal?: AbortSignal | undefined;
  readonly token: string | undefined;
  /** The longest wait for the answer, ms. Default: 10 s, and 5 s more if it needs a connection first. */
  readonly deadlineMs?: number | undefined;
}

const CHANNEL_OPTIONS = {
  // etcd treats pings more often than every 5 s as an attack (--grpc-keepalive-min-time).
  'grpc.keepalive_time_ms': 7_000,
  'grpc.keepalive_timeout_ms': 5_000,
  // A connection pool of its own: otherwise a new connection would inherit the waits (up to 2 min) of a failed one. The
  // core paces the dials.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
  // http_proxy is for the web: etcdctl ignores it for loopback addresses, and Consul's client always.
  'grpc.enable_http_proxy': 0,
  'grpc.enable_channelz': 0,
  // With HTTP/2's window of 64 KiB a page of 4 MiB takes 64 round trips; also on loopback that costs a quarter of the
  // time.
  'grpc-node.flow_control_window': 1024 * 1024,
};

/**
 * Calls to one endpoint over one TCP connection, which the first call opens. When the connection is lost, the transport
 * cannot be used any more: another connection might lead to another server. Nothing is tried twice.
 */
export class Transport {
  readonly #endpoint: string;
  readonly #secure: boolean;
  readonly #timing: Timing;
  readonly #channel: Channel;
  readonly #client: Client;
  readonly #sockets = new Set<Socket>();
  readonly #closed = new AbortController();
  /** Whether grpc-js has dialled; it may do so once. */
  #dialled = false;
  #connected = false;
  /** Running calls. */
  #running = 0;

  /** @throws WatchError INVALID_OPTION for certificates or a key that cannot be read. */
  constructor(endpoint: string, options: TransportOptions) {
    this.#endpoint = endpoint;
    this.#secure = options.secure;
    this.#timing = options.timing;
    const credentials = new SocketCredentials(endpoint, options, {
      assertMayDial: () => this.#assertMayDial(),
      onConnected: (socket) => this.#onConnected(socket),
    });
    this.#channel = new Channel(endpoint, credentials, {
      ...CHANNEL_OPTIONS,
      'grpc.max_receive_message_length': options.maxMessageBytes ?? MAX_MESSAGE_BYTES,
    });
    this.#client = new Client(endpoint, credentials, { channelOverride: this.#channel });
  }

  /** The channel, for `etcd3`, whose calls use the same connection. */
  get channel(): Channel {
    return this.#channel;
  }

  /** Makes one call. @throws WatchError TIMEOUT, UNREACHABLE, TLS, or the error for the server's status. */
  async unary<Req, Res>(method: Method<Req, Res>, request: Req, options: RpcOptions): Promise<Res> {
    this.#assertUsable();
    const deadlineMs = options.deadlineMs ?? (this.#connected ? ANSWER_MS : CONNECT_AND_ANSWER_MS);
    using abort = new LinkedAbort(options.signal);
    const cancelTimer = this.#timing.schedule(deadlineMs, () => abort.abort(this.#late(deadlineMs)));
    try {
      return await this.#call(method, request, options.token, abort.signal);
    } catch (error) {
      if (abort.signal.aborted) throw abort.signal.reason;
      throw await this.explained(error, options.signal);
    } finally {
      cancelTimer();
    }
  }

  /** The error for a failed call. May ask the server whether it speaks TLS. */
  async explained(error: unknown, signal?: AbortSignal): Promise<WatchError> {
    const failure = error instanceof WatchError ? error.cause : error;
    return hungUp(failure) && (await this.#speaksOther(signal))
      ? otherProtocol(failure, this.#endpoint, this.#secure)
      : toWatchError(error, this.#endpoint);
  }

  /** Opens a watch stream. The caller must cancel it. @throws WatchError UNREACHABLE. */
  watch(token: string | undefined): WatchCall {
    this.#assertUsable();
    const call = this.#dialling(() =>
      this.#client.makeBidiStreamRequest(WATCH.path, WATCH.serialize, WATCH.deserialize, metadataOf(token)),
    );
    this.#running++;
    call.once('status', () => this.#ended());
    return call;
  }

  /**
   * Closes the transport: running calls end normally, and the TCP connection closes after the last, whatever the peer
   * does.
   */
  close(): void {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    stopTelling(this.#onSocket);
    this.#channel.close();
    this.#destroyIfUnused();
  }

  #call<Req, Res>(
    { path, serialize, deserialize }: Method<Req, Res>,
    request: Req,
    token: string | undefined,
    signal: AbortSignal,
  ): Promise<Res> {
    return new Promise((resolve, reject) => {
      const settled = (error: unknown, value?: Res): void => {
        this.#ended();
        signal.removeEventListener('abort', cancel);
        if (error) reject(error);
        else resolve(value as Res);
      };
      this.#running++;
      const call = this.#dialling(() =>
        this.#client.makeUnaryRequest(path, serialize, deserialize, request, metadataOf(token), settled),
      );
      const cancel = (): void => call.cancel();
      if (signal.aborted) cancel();
      else signal.addEventListener('abort', cancel, { once: true });
    });
  }

  /** The first call opens the connection. */
  #dialling<T>(call: () => T): T {
    return this.#connected ? call() : tellingSockets(this.#onSocket, call);
  }

  #assertMayDial(): void {
    if (this.#closed.signal.aborted || this.#dialled) throw new Error('This connection was given up.');
    this.#dialled = true;
  }

  #assertUsable(): void {
    const lost = this.#connected && this.#sockets.size === 0;
    if (!lost && !this.#closed.signal.aborted) return;
    throw new WatchError('UNREACHABLE', `The connection to etcd at ${this.#endpoint} broke.`);
  }

  /** Called before the socket connects. */
  readonly #onSocket = (socket: Socket): void => {
    this.#sockets.add(socket);
    const late = (): void => void socket.destroy(new Error('connect ETIMEDOUT'));
    const cancelTimer = this.#timing.schedule(CONNECT_MS, late);
    socket.unref();
    socket.once('connect', cancelTimer);
    socket.once('close', () => {
      cancelTimer();
      this.#sockets.delete(socket);
    });
    this.#destroyIfUnused();
  };

  #onConnected(socket: Socket): void {
    this.#connected = true;
    stopTelling(this.#onSocket);
    this.#sockets.add(socket);
    this.#destroyIfUnused();
  }

  #late(ms: number): WatchError {
    return new WatchError('TIMEOUT', `No answer from etcd at ${this.#endpoint} in ${ms} ms.`);
  }

  #speaksOther(signal?: AbortSignal): Promise<boolean> {
    const asking = new LinkedAbort(signal, this.#closed.signal);
    const { signal: over } = asking;
    const probed = this.#secure ? speaksPlain(this.#endpoint, over) : speaksTls(this.#endpoint, over);
    return (signal === undefined ? probed : untilAborted(probed, signal)).finally(() => asking.abort());
  }

  #ended(): void {
    this.#running--;
    this.#destroyIfUnused();
  }

  #destroyIfUnused(): void {
    if (!this.#closed.signal.aborted || this.#running > 0) return;
    for (const socket of this.#sockets) socket.destroy();
  }
}

function metadataOf(token: string | undefined): Metadata {
  const metadata = new Metadata();
  // Without it, a member that has lost its peers would answer nothing for ever.
  metadata.set('hasleader', 'true');
  if (token !== undefined) metadata.set('token', token);
  return metadata;
}
