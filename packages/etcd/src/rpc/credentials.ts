import { isIP, type Socket } from 'node:net';
import { connect, createSecureContext, type SecureContext } from 'node:tls';
import { CallCredentials, ChannelCredentials } from '@grpc/grpc-js';
import { type TlsOptions, WatchError } from '@rollcall/core';
import { splitEndpoint } from './sockets.js';

type Connector = ReturnType<ChannelCredentials['_createSecureConnector']>;

export interface ChannelSecurity {
  readonly secure: boolean;
  readonly tls?: TlsOptions;
}

/** Hooks into grpc-js's connections. */
export interface Dialling {
  /** Called before each dial; a dial is refused by throwing. grpc-js dials again by itself, also after a close. */
  assertMayDial(): void;
  /** Called when the TCP connection is open, before any handshake. */
  onConnected(socket: Socket): void;
}

/**
 * Plain text or TLS to one endpoint, with control over dials and sockets. grpc-js sockets keep the process running
 * while a call runs, and a watch always runs; whether a watch keeps the process running is decided by the watcher
 * (`unref`).
 */
export class SocketCredentials extends ChannelCredentials {
  readonly #context: SecureContext | undefined;
  readonly #verify: { readonly name: string; readonly rejectUnauthorized: boolean };
  readonly #dialling: Dialling;

  /**
   * @param endpoint `host:port`
   * @throws WatchError INVALID_OPTION for certificates or a key that cannot be read.
   */
  constructor(endpoint: string, { secure, tls = {} }: ChannelSecurity, dialling: Dialling) {
    super();
    this.#context = secure ? secureContext(tls) : undefined;
    this.#verify = {
      name: tls.serverName ?? splitEndpoint(endpoint).host,
      rejectUnauthorized: !tls.insecureSkipVerify,
    };
    this.#dialling = dialling;
  }

  override _isSecure(): boolean {
    return this.#context !== undefined;
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(): Connector {
    const context = this.#context;
    return {
      waitForReady: async () => this.#dialling.assertMayDial(),
      connect: async (raw) => {
        this.#dialling.onConnected(raw);
        const socket = context === undefined ? raw : await this.#handshake(raw, context);
        socket.ref = () => socket;
        return { socket, secure: context !== undefined };
      },
      getCallCredentials: () => CallCredentials.createEmpty(),
      destroy: () => {},
    };
  }

  #handshake(socket: Socket, secureContext: SecureContext): Promise<Socket> {
    const { name, rejectUnauthorized } = this.#verify;
    return new Promise((resolve, reject) => {
      const secured = connect({
        socket,
        secureContext,
        host: name,
        // The SNI field must not hold an IP address (RFC 6066). The certificate is verified for the address all the
        // same.
        servername: isIP(name) ? '' : name,
        rejectUnauthorized,
        ALPNProtocols: ['h2'],
      });
      secured.once('secureConnect', () => resolve(secured));
      secured.on('error', reject);
    });
  }
}

function secureContext({ ca, cert, key }: TlsOptions): SecureContext {
  try {
    return createSecureContext({ ca, cert, key });
  } catch (cause) {
    const message =
      'Cannot read tls.ca, tls.cert or tls.key: each must be a PEM text, and the key must be of the cert.';
    throw new WatchError('INVALID_OPTION', message, { cause });
  }
}
