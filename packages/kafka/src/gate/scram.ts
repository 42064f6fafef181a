import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { AnswerError } from './answerError.js';

/**
 * SCRAM (RFC 5802, RFC 7677) without channel binding. As in Kafka, names and passwords are used as UTF-8 bytes, without
 * SASLprep.
 */
export type ScramHash = 'sha256' | 'sha512';

/**
 * The fewest iterations to accept: with fewer, a recorded exchange is cheap to guess from (RFC 7677, 4). Kafka allows
 * no fewer either.
 */
const LEAST_ITERATIONS = 4096;
/**
 * The most iterations to accept. Kafka has at most 16,384; more than this would cost some 50 ms of work, at a server's
 * will.
 */
const MOST_ITERATIONS = 65_536;

/** The GS2 header `n,,`: no channel binding, no other identity; and its base64, for `c=`. */
const GS2_HEADER = 'n,,';
const CHANNEL = `c=${Buffer.from(GS2_HEADER).toString('base64')}`;

/** The client's side after the server's first message. */
export interface ScramProof {
  /** The client's last message. */
  readonly message: string;
  /** The signature that only a server which knows the password can send. */
  readonly signature: Buffer;
}

/** @param nonce printable characters without a comma, fresh for each exchange. */
export function clientFirst(username: string, nonce: string): string {
  return `${GS2_HEADER}${bare(username, nonce)}`;
}

/**
 * Makes the client's last message, which proves the password.
 * @throws AnswerError if the server's message is not safe to answer.
 */
export async function clientFinal(
  hash: ScramHash,
  { username, password, nonce }: { readonly username: string; readonly password: string; readonly nonce: string },
  serverFirst: string,
): Promise<ScramProof> {
  // Mandatory extensions (`m=`) come first; none is supported.
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

/** Whether the server's last message proves that the server knows the password. */
export function isProven(signature: Buffer, serverFinal: string): boolean {
  const [, verifier = ''] = /^v=([A-Za-z0-9+/]+=*)(?:,|$)/.exec(serverFinal) ?? [];
  const given = Buffer.from(verifier, 'base64');
  return given.length === signature.length && timingSafeEqual(given, signature);
}

function bare(username: string, nonce: string): string {
  return `n=${username.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`;
}
