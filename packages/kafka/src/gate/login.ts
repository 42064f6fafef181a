import { randomBytes } from 'node:crypto';
import { Limiter, printable, untilAborted } from '@rollcall/core/internal';
import { AnswerError } from './answerError.js';
import {
  type Api,
  decodeSaslAuthenticate,
  decodeSaslHandshake,
  encodeSaslAuthenticate,
  encodeSaslHandshake,
  SASL_AUTHENTICATE,
  SASL_HANDSHAKE,
} from './messages.js';
import { clientFinal, clientFirst, isProven } from './scram.js';
import type { CustomSasl, PasswordSasl, SaslOptions, SaslSession } from './types.js';
import type { KafkaReader } from './wire.js';

/** Sends the broker one request and waits for its answer. */
export type SaslAsk = (api: Api, version: number, body: Buffer) => Promise<KafkaReader>;

/** https://kafka.apache.org/protocol#protocol_error_codes */
const ILLEGAL_SASL_STATE = 34;

/** The most mechanisms of the broker that a message lists. */
const NAMED = 8;

/** One password derivation at a time: each occupies a thread of libuv's pool, which file reads need, too. */
const derivations = new Limiter(1);

/**
 * Logs in on a connection, before any other request.
 * @throws AnswerError UNAUTHENTICATED, also for a server that cannot prove that it knows the password (SCRAM), and for
 *   what the user's own `authenticate` throws; BAD_RESPONSE; what `ask` throws; the signal's reason.
 */
export async function login(ask: SaslAsk, sasl: SaslOptions, dialled: Omit<SaslSession, 'send'>): Promise<void> {
  const name = sasl.mechanism.toUpperCase();
  const { error, mechanisms } = decodeSaslHandshake(await ask(SASL_HANDSHAKE, 1, encodeSaslHandshake(name)));
  if (error === ILLEGAL_SASL_STATE) throw new AnswerError('it wants no login: leave "sasl" out', 'UNAUTHENTICATED');
  if (error !== 0) {
    const known = mechanisms.filter((each) => /^[A-Z0-9_-]{1,20}$/.test(each)).slice(0, NAMED);
    throw new AnswerError(`it does not take ${name} (but ${known.join(', ') || 'no other'})`, 'UNAUTHENTICATED');
  }
  const send = async (message: string | Uint8Array): Promise<Buffer> => {
    const body = encodeSaslAuthenticate(Buffer.from(message as Uint8Array));
    const answer = decodeSaslAuthenticate(await ask(SASL_AUTHENTICATE, 0, body));
    if (answer.error === 0) return answer.message;
    throw new AnswerError(`it refuses the login by ${name}: check username and password`, 'UNAUTHENTICATED');
  };
  if ('authenticate' in sasl) await authenticateBy(sasl, { ...dialled, send });
  else if (sasl.mechanism === 'plain') await send(`\0${sasl.username}\0${sasl.password}`);
  else await scram(send, sasl, dialled.signal);
}

async function authenticateBy({ authenticate }: CustomSasl, session: SaslSession): Promise<void> {
  try {
    await untilAborted(Promise.resolve(authenticate(session)), session.signal);
  } catch (error) {
    session.signal.throwIfAborted();
    if (error instanceof AnswerError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new AnswerError(`"sasl.authenticate" failed: ${printable(why)}`, 'UNAUTHENTICATED');
  }
}

async function scram(
  send: (message: string) => Promise<Buffer>,
  { mechanism, username, password }: PasswordSasl,
  signal: AbortSignal,
): Promise<void> {
  const nonce = randomBytes(18).toString('base64');
  const challenge = (await send(clientFirst(username, nonce))).toString('utf8');
  const hash = mechanism === 'scram-sha-256' ? 'sha256' : 'sha512';
  const leave = await derivations.enter(signal);
  const deriving = clientFinal(hash, { username, password, nonce }, challenge).finally(leave);
  // A running derivation cannot be cancelled. The caller goes on at its abort; the next derivation waits for the end of
  // this one.
  const proof = await untilAborted(deriving, signal);
  if (!isProven(proof.signature, (await send(proof.message)).toString('utf8'))) {
    throw new AnswerError('it cannot prove that it knows the password: it is not who it should be', 'UNAUTHENTICATED');
  }
}
