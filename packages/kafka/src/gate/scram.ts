import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { AnswerError } from './answerError.js';

/** SCRAM (RFC 5802, RFC 7677) without channel binding, as Kafka has it: names and passwords are taken as UTF-8 bytes. */
export type ScramHash = 'sha256' | 'sha512';

/** Fewer make a stolen exchange cheap to guess from (RFC 7677, 4); Kafka has no fewer either. */
const LEAST_ITERATIONS = 4096;
/** Kafka has 16,384 at most; above this, some 50 ms of work, a server wants our processor, not proof of a password. */
const MOST_ITERATIONS = 65_536;

/** `n,,`: no channel binding, no other identity; and what `c=` says of it. */
const GS2_HEADER = 'n,,';
const CHANNEL = `c=${Buffer.from(GS2_HEADER).toString('base64')}`;

/** The exchange after the server's first message. */
export interface ScramProof {
  /** The client's last message. */
  readonly message: string;
  /** What only a server that knows the password can answer. */
  readonly signature: Buffer;
}

/** @param nonce printable, without a comma, and never used before. */
export function clientFirst(username: string, nonce: string): string {
  return `${GS2_HEADER}${bare(username, nonce)}`;
}

/**
 * Proves the password to the server.
 * @throws AnswerError when the server's message is none that is safe to answer.
 */
export async function clientFinal(
  hash: ScramHash,
  { username, password, nonce }: { readonly username: string; readonly password: string; readonly nonce: string },
  serverFirst: string,
): Promise<ScramProof> {
  // Extensions that must be understood come first, as m=: there are none that are.
  const [, combined, salt, iterations] = /^r=([^,]+),s=([A-Za-z0-9+/]+=*),i=(\d{1,9})(?:,|$)/.exec(serverFirst) ?? [];
  if (combined === undefined || salt === undefined) throw new AnswerError('its challenge is none of SCRAM');
  if (!combined.startsWith(nonce) || combined.length === nonce.length)
    throw new AnswerError('its challenge is not for us');
  const count = Number(iterations);
  if (count < LEAST_ITERATIONS || count > MOST_ITERATIONS) {
    throw new AnswerError(`it asks for ${count} iterations; ${LEAST_ITERATIONS} to ${MOST_ITERATIONS} are safe`);
  }
  const size = hash === 'sha256' ? 32 : 64;
  const salted = await promisify(pbkdf2)(password, Buffer.from(salt, 'base64'), count, size, hash);
  const withoutProof = `${CHANNEL},r=${combined}`;
  const signed = `${bare(username, nonce)},${serverFirst},${withoutProof}`;
  const hmac = (key: Buffer, text: string): Buffer => createHmac(hash, key).update(text).digest();
  const clientKey = hmac(salted, 'Client Key');
  const clientSignature = hmac(createHash(hash).update(clientKey).digest(), signed);
  const proof = clientKey.map((byte, at) => byte ^ (clientSignature[at] as number));
  return {
    message: `${withoutProof},p=${Buffer.from(proof).toString('base64')}`,
    signature: hmac(hmac(salted, 'Server Key'), signed),
  };
}

/** Whether the server's last message proves that it knows the password, too. */
export function isProven(signature: Buffer, serverFinal: string): boolean {
  const [, verifier = ''] = /^v=([A-Za-z0-9+/]+=*)(?:,|$)/.exec(serverFinal) ?? [];
  const given = Buffer.from(verifier, 'base64');
  return given.length === signature.length && timingSafeEqual(given, signature);
}

function bare(username: string, nonce: string): string {
  return `n=${username.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`;
}
