import { randomBytes } from 'node:crypto';
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
import type { SaslOptions } from './types.js';
import type { WireReader } from './wire.js';

/** Asks the broker one question and waits for the answer to it. */
export type Ask = (api: Api, version: number, body: Buffer) => Promise<WireReader>;

/** https://kafka.apache.org/protocol#protocol_error_codes */
const ILLEGAL_SASL_STATE = 34;

/** How many of the broker's mechanisms a message names. */
const NAMED = 8;

/**
 * Logs in on a connection, before anything else is asked.
 * @throws AnswerError UNAUTHENTICATED, also for a server that cannot prove that it knows the password (SCRAM); BAD_RESPONSE;
 *   what `ask` throws.
 */
export async function login(ask: Ask, { mechanism, username, password }: SaslOptions): Promise<void> {
  const name = mechanism.toUpperCase();
  const { error, mechanisms } = decodeSaslHandshake(await ask(SASL_HANDSHAKE, 1, encodeSaslHandshake(name)));
  if (error === ILLEGAL_SASL_STATE) throw new AnswerError('it wants no login: leave "sasl" out', 'UNAUTHENTICATED');
  if (error !== 0) {
    const known = mechanisms.filter((each) => /^[A-Z0-9_-]{1,20}$/.test(each)).slice(0, NAMED);
    throw new AnswerError(`it does not take ${name} (but ${known.join(', ') || 'no other'})`, 'UNAUTHENTICATED');
  }
  const say = async (message: string): Promise<string> => {
    const body = encodeSaslAuthenticate(Buffer.from(message));
    const answer = decodeSaslAuthenticate(await ask(SASL_AUTHENTICATE, 0, body));
    if (answer.error === 0) return answer.message.toString('utf8');
    throw new AnswerError(`it refuses the login by ${name}: check username and password`, 'UNAUTHENTICATED');
  };
  if (mechanism === 'plain') {
    await say(`\0${username}\0${password}`);
    return;
  }
  const nonce = randomBytes(18).toString('base64');
  const challenge = await say(clientFirst(username, nonce));
  const hash = mechanism === 'scram-sha-256' ? 'sha256' : 'sha512';
  const proof = await clientFinal(hash, { username, password, nonce }, challenge);
  if (!isProven(proof.signature, await say(proof.message))) {
    throw new AnswerError('it cannot prove that it knows the password: it is not who it should be', 'UNAUTHENTICATED');
  }
}
