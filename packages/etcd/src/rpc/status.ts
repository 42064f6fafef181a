import { type ErrorCode, WatchError } from '@rollcall/core';
import { networkFailure, type Wording } from '@rollcall/core/internal';
import { WireError } from './wireReader.js';

/** The error that grpc-js throws for a failed call. */
export interface GrpcFailure {
  /** https://grpc.io/docs/guides/status-codes/ */
  readonly code: number;
  readonly details: string;
}

type StatusVerdict = readonly [pattern: RegExp, code: ErrorCode, advice: string];

const LOGIN = 'check username and password';

/** etcd's own error texts (api/v3rpc/rpctypes/error.go), which say more than the status. */
const ETCD: readonly StatusVerdict[] = [
  [/required revision has been compacted/, 'COMPACTED', 'that part of the history is gone'],
  [/required revision is a future revision/, 'ROLLED_BACK', 'the store has not come that far'],
  [/authentication failed|user name not found/, 'UNAUTHENTICATED', LOGIN],
  [/user name is empty/, 'UNAUTHENTICATED', 'this etcd wants a user; give username and password'],
  [/invalid auth token|revision of auth store is old/, 'UNAUTHENTICATED', LOGIN],
  [/permission denied/, 'FORBIDDEN', 'grant the user a role that may use this key or prefix'],
  [/too many requests/, 'RATE_LIMITED', 'it is overloaded'],
  [/received message larger than max/i, 'TOO_LARGE', 'raise maxMessageBytes to take it whole'],
  [/request is too large/, 'INVALID_OPTION', 'make the value smaller or raise --max-request-bytes of the server'],
  [/requested lease not found/, 'NOT_FOUND', 'the lease has expired or never was'],
  [/too large lease TTL/, 'INVALID_OPTION', 'ask for a shorter time to live'],
  [/etcdserver: key not found/, 'NOT_FOUND', 'there is no value to keep; put one'],
  [/database space exceeded/, 'UNAVAILABLE', 'compact, defragment and disarm its alarm'],
  [/no leader|leader changed/, 'UNAVAILABLE', 'the cluster is electing a leader or has lost its quorum'],
  [/request timed out/, 'UNAVAILABLE', 'the cluster has lost its quorum or is overloaded'],
  [/server stopped|learner|not capable|corrupt/, 'UNAVAILABLE', 'this member cannot serve'],
];

const WORDING: Wording = { service: 'etcd', plain: 'write etcd://', serverName: 'tls.serverName' };

const STATUS: Readonly<Record<number, ErrorCode>> = {
  1: 'ENDED',
  4: 'TIMEOUT',
  7: 'FORBIDDEN',
  8: 'BAD_RESPONSE',
  13: 'UNREACHABLE',
  14: 'UNREACHABLE',
  16: 'UNAUTHENTICATED',
};

/**
 * The server accepted the connection and closed it before the first HTTP/2 frame or the end of the TLS handshake: it
 * speaks the other of plain text and TLS, or it is going down.
 */
export function hungUp(error: unknown): boolean {
  return isGrpcFailure(error) && isConnecting(error) && /Failed to connect|before secure TLS/.test(error.details);
}

/** The error for a server that speaks the other of plain text and TLS. */
export function otherProtocol(error: unknown, endpoint: string, secure: boolean): WatchError {
  const advice = secure ? 'it does not speak TLS; write etcd:// or enable TLS there' : 'it speaks TLS; write etcds://';
  return new WatchError('TLS', `Cannot connect to etcd at ${endpoint}: ${advice}.`, { cause: error });
}

/** Whether no request can have been sent, so that the operation may be tried elsewhere without being done twice. */
export function neverSent(error: WatchError): boolean {
  const { cause } = error;
  return isGrpcFailure(cause) && isConnecting(cause);
}

/** Whether the error means that the server cannot answer, or that something else answers in its place. */
export function cannotAnswer(error: unknown): boolean {
  const { code, cause } = WatchError.from(error);
  if (code !== 'BAD_RESPONSE') return code !== 'FORBIDDEN' && code !== 'UNAUTHENTICATED';
  return !isGrpcFailure(cause) || /HTTP status|parsing error/.test(cause.details);
}

/**
 * The error for a failed call.
 * @param error what grpc-js threw; a WatchError is returned as it is, anything else is INTERNAL.
 * @param endpoint `host:port`, named in the message.
 */
export function toWatchError(error: unknown, endpoint: string): WatchError {
  if (error instanceof WireError) {
    const why = `${endpoint} does not answer as etcd does (${error.message})`;
    return new WatchError('BAD_RESPONSE', `${why.replace(/\.\)$/, ')')}.`, { cause: error });
  }
  if (!isGrpcFailure(error)) return WatchError.from(error);
  const own = ETCD.find(([pattern]) => pattern.test(error.details));
  if (own !== undefined) return failure(own[1], `etcd at ${endpoint} says "${error.details}": ${own[2]}.`, error);
  if (isConnecting(error)) return connectFailure(error, endpoint);
  if (/HTTP status|parsing error|unknown service|unknown method/.test(error.details)) {
    return failure('BAD_RESPONSE', `${endpoint} does not answer as etcd does (${error.details}).`, error);
  }
  if (error.code === 4) return failure('TIMEOUT', `No answer from etcd at ${endpoint} in time.`, error);
  const code = STATUS[error.code] ?? 'BAD_RESPONSE';
  const what = code === 'UNREACHABLE' ? 'The connection to etcd broke' : 'etcd failed the call';
  return failure(code, `${what} at ${endpoint} (${error.details}).`, error);
}

function connectFailure(error: GrpcFailure, endpoint: string): WatchError {
  const text = lastError(error);
  // A server that goes down ends handshakes, too: a separate question shows whether it speaks TLS at all.
  const ended = /before secure TLS connection/.test(text);
  const { code, why } = networkFailure(text, WORDING) ?? {
    code: 'UNREACHABLE' as const,
    why: 'check address and network',
  };
  return failure(ended ? 'UNREACHABLE' : code, `Cannot connect to etcd at ${endpoint}: ${why} (${text}).`, error);
}

/** The message without grpc-js's frame and without times, so that the same failure has the same message. */
function lastError({ details }: GrpcFailure): string {
  const [, inner = details] = /Last error: (?:Error: )?(.*?)\. Resolution note/s.exec(details) ?? [];
  return inner.replace(/ \(\d{4}-\d\d-\d\dT[^)]*\)/g, '');
}

function isConnecting({ details }: GrpcFailure): boolean {
  return /^(No connection established|Name resolution failed)/.test(details);
}

function isGrpcFailure(error: unknown): error is GrpcFailure {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error;
}

function failure(code: ErrorCode, message: string, cause: GrpcFailure): WatchError {
  return new WatchError(code, message, { cause });
}
