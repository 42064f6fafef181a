import { WatchError } from '../model/errors.js';
import type { ConnectOptions } from '../model/options.js';

const ALL: readonly (keyof ConnectOptions)[] = [
  'username',
  'password',
  'token',
  'tls',
  'maxMessageBytes',
  'maxProofAgeMs',
  'adapterOptions',
];

/** The shortest `maxProofAgeMs`, ms: a backend cannot be asked more often. */
const LEAST_PROOF_AGE_MS = 4_000;
/**
 * The smallest `maxMessageBytes`: above the largest request of an etcd server by default (--max-request-bytes, 1.5
 * MiB).
 */
const LEAST_MESSAGE_BYTES = 2 * 1024 * 1024;

/**
 * Throws on an option that the backend does not have, so that nobody takes a password or a limit for being in force;
 * and on numbers out of range.
 * @param backend the beginning of the message: `etcd`.
 * @param known the options that the backend has.
 * @throws WatchError INVALID_OPTION naming the option.
 */
export function refuseOptions(
  backend: string,
  options: ConnectOptions,
  known: readonly (keyof ConnectOptions)[],
): void {
  for (const name of ALL) {
    if (options[name] === undefined || known.includes(name)) continue;
    const has = known.length === 0 ? 'none of these options' : `only ${known.join(', ')}`;
    throw invalid(name, `${backend} does not have it, and would ignore it (it has ${has}); leave it out`);
  }
  const { maxMessageBytes: bytes, maxProofAgeMs: ms } = options;
  if (bytes !== undefined && !(Number.isSafeInteger(bytes) && bytes >= LEAST_MESSAGE_BYTES)) {
    throw invalid('maxMessageBytes', `it must be a whole number of at least ${LEAST_MESSAGE_BYTES}`);
  }
  if (ms !== undefined && !(Number.isFinite(ms) && ms >= LEAST_PROOF_AGE_MS)) {
    throw invalid('maxProofAgeMs', `it must be a number of milliseconds, at least ${LEAST_PROOF_AGE_MS}`);
  }
}

/** @throws WatchError INVALID_OPTION for TLS options that contradict each other or the URL. */
export function checkTls(
  { tls }: ConnectOptions,
  schemes: { readonly plain: string; readonly tls: string; readonly is: string },
): void {
  if (tls === undefined) return;
  if (schemes.is !== schemes.tls)
    throw invalid('tls', `${schemes.plain}:// speaks plain text; write ${schemes.tls}:// for TLS`);
  for (const field of ['ca', 'cert', 'key'] as const) {
    // Node treats a CA text without a certificate as an empty list. Every handshake then fails with a misleading error.
    if (tls[field]?.includes('-----BEGIN ') === false) {
      throw invalid(`tls.${field}`, 'it must be a PEM text, not a path');
    }
  }
  if (tls.cert !== undefined && tls.key === undefined) throw invalid('tls.cert', 'it needs tls.key beside it');
  if (tls.key !== undefined && tls.cert === undefined) throw invalid('tls.key', 'it needs tls.cert beside it');
}

function invalid(field: string, why: string): WatchError {
  return new WatchError('INVALID_OPTION', `Cannot use the option ${field}: ${why}.`);
}
