import type { Socket } from 'node:net';
import {
  Channel,
  type Client,
  type ClientDuplexStream,
  connectivityState,
  type Metadata,
  type ServiceClientConstructor,
} from '@grpc/grpc-js';
import { WatchError } from '@rollcall/core';
import { noop } from 'cockatiel';
import { Etcd3, type IWatchRequest, type Services } from 'etcd3';
import { unlessAborted } from './abort.js';
import { type SecurityOptions, SocketCredentials } from './credentials.js';
import { ANSWER_MS, CONNECT_AND_ANSWER_MS } from './deadlines.js';
import { decodeWatch, type WatchAnswer } from './messages.js';
import { speaksPlain, speaksTls } from './probe.js';
import { hungUp, otherProtocol, toWatchError } from './status.js';

/** A transaction, or a batch of up to 1,000 revisions to catch up on, may fill a message far above gRPC's 4 MiB. */
const MAX_MESSAGE_BYTES = 512 * 1024 * 1024;

export type WatchCall = ClientDuplexStream<IWatchRequest, WatchAnswer>;

export interface TransportOptions extends SecurityOptions {
  /** The largest answer to take. Default: 512 MiB. */
  readonly maxMessageBytes?: number;
}

export interface CallOptions<Res> {
  readonly signal?: AbortSignal | undefined;
  readonly token: string | undefined;
  /** Instead of etcd3's own decoder. */
  readonly decode?: ((bytes: Buffer) => Res) | undefined;
}

const CHANNEL_OPTIONS = {
  // A server takes pings more often than every 5 s for an attack (etcd's --grpc-keepalive-min-time).
  'grpc.keepalive_time_ms': 7_000,
  'grpc.keepalive_timeout_ms': 5_000,
  // Its own pool, or a new connection would inherit the waits (up to 2 min) of the one that failed: pacing is the core's.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
};

/** etcd3 hands out its service clients to subclasses only. */
class Pool extends Etcd3 {
  client(service: keyof typeof Services): Promise<{ client: Client; metadata: Metadata }> {
    return this.pool.withConnection(service, ({ client, metadata }) => ({ client, metadata: metadata.clone() }));
  }
}

/** Calls to one endpoint over one TCP connection, which the first of them opens. Nothing is tried twice. */
export class Transport {
  readonly #endpoint: string;
  readonly #secure: boolean;
  readonly #channel: Channel;
  readonly #pool: Pool;
  readonly #sockets = new Set<Socket>();
  /** Calls that have not ended. */
  #running = 0;
  #closed = false;

  /** @throws WatchError INVALID_OPTION for certificates or a key that cannot be read. */
  constructor(endpoint: string, options: TransportOptions) {
    this.#endpoint = endpoint;
    this.#secure = options.secure;
    const credentials = new SocketCredentials(endpoint, options, (socket) => this.#own(socket));
    this.#channel = new Channel(endpoint, credentials, {
      ...CHANNEL_OPTIONS,
      'grpc.max_receive_message_length': options.maxMessageBytes ?? MAX_MESSAGE_BYTES,
    });
    this.#pool = new Pool({
      hosts: endpoint,
      // One channel for all services, made here: etcd3 cannot be told how to verify a certificate.
      grpcOptions: { channelOverride: this.#channel },
      faultHandling: { global: noop, host: () => noop },
    });
  }

  /** One request, one answer. @throws WatchError TIMEOUT, UNREACHABLE, TLS, or what the server's status means. */
  async unary<Req, Res>(
    service: keyof typeof Services,
    name: string,
    request: Req,
    { signal, token, decode }: CallOptions<Res>,
  ): Promise<Res> {
    const { client, metadata } = await this.#client(service, token);
    const { path, requestSerialize, responseDeserialize } = method(client, name);
    const connected = this.#channel.getConnectivityState(false) === connectivityState.READY;
    const deadline = Date.now() + (connected ? ANSWER_MS : CONNECT_AND_ANSWER_MS);
    const answer = new Promise<Res>((resolve, reject) => {
      const call = client.makeUnaryRequest<Req, Res>(
        path,
        requestSerialize,
        decode ?? responseDeserialize,
        request,
        metadata,
        { deadline },
        (error, value) => {
          this.#ended();
          signal?.removeEventListener('abort', cancel);
          if (error) reject(error);
          else resolve(value as Res);
        },
      );
      this.#running++;
      const cancel = (): void => call.cancel();
      if (signal?.aborted) cancel();
      else signal?.addEventListener('abort', cancel, { once: true });
    });
    return answer.catch(async (error) => {
      throw await this.explained(error, signal);
    });
  }

  /** What a failed call means, also where that takes a question to the server. */
  async explained(error: unknown, signal?: AbortSignal): Promise<WatchError> {
    const failure = error instanceof WatchError ? error.cause : error;
    return hungUp(failure) && (await this.#speaksOther(signal))
      ? otherProtocol(failure, this.#endpoint, this.#secure)
      : toWatchError(error, this.#endpoint);
  }

  /** A watch stream, on which nothing is asked yet; the caller cancels it in the end. */
  async watch(token: string | undefined): Promise<WatchCall> {
    const { client, metadata } = await this.#client('Watch', token);
    const { path, requestSerialize } = method(client, 'Watch');
    const call: WatchCall = client.makeBidiStreamRequest(path, requestSerialize, decodeWatch, metadata);
    this.#running++;
    call.once('status', () => this.#ended());
    return call;
  }

  /** Calls that run go on to their end; the TCP connection closes after the last of them, whatever the peer does. */
  close(): void {
    this.#closed = true;
    this.#channel.close();
    this.#destroyIfUnused();
  }

  async #client(service: keyof typeof Services, token?: string): Promise<{ client: Client; metadata: Metadata }> {
    if (this.#closed) throw new WatchError('UNREACHABLE', `The connection to etcd at ${this.#endpoint} was given up.`);
    const { client, metadata } = await this.#pool.client(service);
    // Without it, a member that has lost its peers goes on answering nothing for ever.
    metadata.set('hasleader', 'true');
    if (token !== undefined) metadata.set('token', token);
    return { client, metadata };
  }

  #speaksOther(signal?: AbortSignal): Promise<boolean> {
    const probed = this.#secure ? speaksPlain(this.#endpoint) : speaksTls(this.#endpoint);
    return signal === undefined ? probed : unlessAborted(probed, signal);
  }

  #own(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    this.#destroyIfUnused();
  }

  #ended(): void {
    this.#running--;
    this.#destroyIfUnused();
  }

  #destroyIfUnused(): void {
    if (!this.#closed || this.#running > 0) return;
    for (const socket of this.#sockets) socket.destroy();
  }
}

function method(client: Client, name: string) {
  const definition = (client.constructor as ServiceClientConstructor).service[name];
  if (definition === undefined) throw new WatchError('INTERNAL', `etcd3 knows no ${name}.`);
  return definition;
}
