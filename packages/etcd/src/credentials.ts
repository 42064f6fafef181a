import type { Socket } from 'node:net';
import { ChannelCredentials } from '@grpc/grpc-js';
import { type TlsOptions, WatchError } from '@rollcall/core';

type Connector = ReturnType<ChannelCredentials['_createSecureConnector']>;

/**
 * Plain text or TLS.
 * @param onSocket told of each TCP connection when it stands, before any handshake.
 * @throws WatchError INVALID_OPTION for certificates or a key that cannot be read.
 */
export function channelCredentials(
  { secure, tls = {} }: { readonly secure: boolean; readonly tls?: TlsOptions },
  onSocket: (socket: Socket) => void,
): ChannelCredentials {
  return new SocketCredentials(secure ? tlsCredentials(tls) : ChannelCredentials.createInsecure(), onSocket);
}

function tlsCredentials({ ca, cert, key, insecureSkipVerify }: TlsOptions): ChannelCredentials {
  try {
    return ChannelCredentials.createSsl(pem(ca), pem(key), pem(cert), { rejectUnauthorized: !insecureSkipVerify });
  } catch (cause) {
    const message =
      'Cannot read tls.ca, tls.cert or tls.key: each must be a PEM text, and the key must be of the cert.';
    throw new WatchError('INVALID_OPTION', message, { cause });
  }
}

function pem(text: string | undefined): Buffer | null {
  return text === undefined ? null : Buffer.from(text);
}

/**
 * As the credentials given, and a hand on the sockets, which grpc-js does not give otherwise. It makes a socket hold the
 * process as long as a call runs, and a watch always runs; here whether a watch holds the process is the watcher's to say
 * (`ref`, `unref`). And it leaves a socket open until the peer answers, which a stalled one never does.
 */
class SocketCredentials extends ChannelCredentials {
  readonly #inner: ChannelCredentials;
  readonly #onSocket: (socket: Socket) => void;

  constructor(inner: ChannelCredentials, onSocket: (socket: Socket) => void) {
    super();
    this.#inner = inner;
    this.#onSocket = onSocket;
  }

  override _isSecure(): boolean {
    return this.#inner._isSecure();
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(...args: Parameters<ChannelCredentials['_createSecureConnector']>): Connector {
    const inner = this.#inner._createSecureConnector(...args);
    return {
      connect: async (socket) => {
        this.#onSocket(socket);
        const connected = await inner.connect(socket);
        connected.socket.ref = () => connected.socket;
        return connected;
      },
      waitForReady: () => inner.waitForReady(),
      getCallCredentials: () => inner.getCallCredentials(),
      destroy: () => inner.destroy(),
    };
  }
}
