import { WatchError } from '@rollcall/core';
import type { PasswordSasl, SecurityOptions } from '@rollcall/kafka';
import type { Environment } from 'rollcall';

/**
 * TLS and login for brokers: ROLLCALL_KAFKA_USERNAME, _PASSWORD and _MECHANISM, ROLLCALL_KAFKA_TLS (`true`), and the
 * paths ROLLCALL_KAFKA_CA, _CERT and _KEY, each of which turns TLS on. An empty variable counts as unset.
 * @throws WatchError INVALID_OPTION if a variable is missing or wrong, or a path cannot be read.
 */
export function kafkaSecurity(env: Environment, readFile: (path: string) => string): SecurityOptions {
  const sasl = saslFrom(env);
  const tls = tlsFrom(env, readFile);
  return { ...(sasl && { sasl }), ...(tls && { tls }) };
}

function saslFrom(env: Environment): PasswordSasl | undefined {
  const { ROLLCALL_KAFKA_USERNAME: username, ROLLCALL_KAFKA_PASSWORD: password } = env;
  if (!username && !password) return undefined;
  if (!username || !password) {
    throw invalid('ROLLCALL_KAFKA_USERNAME and ROLLCALL_KAFKA_PASSWORD go together; set both or neither.');
  }
  const mechanism = (env.ROLLCALL_KAFKA_MECHANISM || 'plain').toLowerCase();
  if (!isMechanism(mechanism)) {
    throw invalid('ROLLCALL_KAFKA_MECHANISM must be plain, scram-sha-256 or scram-sha-512.');
  }
  return { mechanism, username, password };
}

function tlsFrom(env: Environment, readFile: (path: string) => string): SecurityOptions['tls'] {
  const pem = (name: string): string | undefined => {
    const path = env[name];
    if (!path) return undefined;
    try {
      return readFile(path);
    } catch (error) {
      const why = `${name} names a file that cannot be read (${reasonOf(error)}): give the path of a PEM file.`;
      throw new WatchError('INVALID_OPTION', why);
    }
  };
  const [ca, cert, key] = ['ROLLCALL_KAFKA_CA', 'ROLLCALL_KAFKA_CERT', 'ROLLCALL_KAFKA_KEY'].map(pem);
  if ((cert === undefined) !== (key === undefined)) {
    throw invalid('ROLLCALL_KAFKA_CERT and ROLLCALL_KAFKA_KEY go together; set both or neither.');
  }
  if (ca !== undefined || cert !== undefined) {
    return { ...(ca !== undefined && { ca }), ...(cert !== undefined && key !== undefined && { cert, key }) };
  }
  const wanted = env.ROLLCALL_KAFKA_TLS;
  if (!wanted || wanted === 'false') return undefined;
  if (wanted === 'true') return true;
  throw invalid('ROLLCALL_KAFKA_TLS must be true or false.');
}

/** The message does not repeat the path: it may be the text of a key, given by mistake. */
function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}

function isMechanism(text: string): text is PasswordSasl['mechanism'] {
  return ['plain', 'scram-sha-256', 'scram-sha-512'].includes(text);
}

function invalid(message: string): WatchError {
  return new WatchError('INVALID_OPTION', message);
}
