import { createSecureContext } from 'node:tls';
import { systemTiming, type Timing, WatchError } from '@rollcall/core';
import { checkKnownOptions, optionNames } from '@rollcall/core/adapter';
import { quote } from '@rollcall/core/internal';
import { ClusterGate } from './clusterGate.js';
import type { Gate, GateOptions, PasswordSasl } from './types.js';

const MECHANISMS: readonly string[] = ['plain', 'scram-sha-256', 'scram-sha-512'] satisfies PasswordSasl['mechanism'][];

/** The names of all options. */
const GATE_OPTIONS = optionNames<GateOptions>({ tls: true, sasl: true, allow: true, clusterId: true });

/**
 * Makes a gate. A cluster id is no secret, and a broker can claim any: the id protects from mistakes, such as an
 * address that now belongs to another cluster. Against an attacker use `tls`.
 * @throws WatchError INVALID_OPTION.
 */
export function createGate(options: GateOptions = {}, timing: Timing = systemTiming): Gate {
  checkKnownOptions('createGate', options, GATE_OPTIONS);
  const { clusterId, tls, sasl } = options;
  if (clusterId !== undefined && (typeof clusterId !== 'string' || clusterId === '')) {
    throw invalid('"clusterId" must be the id that the brokers of the cluster tell; leave it out for any cluster');
  }
  if (tls !== undefined && tls !== true && (typeof tls !== 'object' || tls === null)) {
    throw invalid('"tls" must be true or options as of tls.connect(); leave it out for plain text');
  }
  try {
    if (typeof tls === 'object') createSecureContext(tls);
  } catch (error) {
    throw invalid(`"tls" has a certificate or a key that cannot be used (${(error as Error).message})`);
  }
  checkSasl(sasl);
  return new ClusterGate(options, timing);
}

function checkSasl(sasl: unknown): void {
  if (sasl === undefined) return;
  checkKnownOptions('"sasl"', sasl, ['mechanism', 'username', 'password', 'authenticate']);
  const { mechanism, authenticate, ...login } = sasl as Readonly<Record<string, unknown>>;
  if (typeof mechanism !== 'string' || !/^[A-Za-z0-9_-]{1,20}$/.test(mechanism)) {
    throw invalid('"sasl.mechanism" must be the name of a mechanism, as scram-sha-512');
  }
  if (authenticate !== undefined) {
    if (typeof authenticate !== 'function') throw invalid('"sasl.authenticate" must be a function that logs in');
    if (Object.keys(login).length > 0) throw invalid('"sasl" must have "authenticate", or "username" and "password"');
    return;
  }
  if (!MECHANISMS.includes(mechanism)) {
    const why = `${quote(mechanism)} is none of ${MECHANISMS.join(', ')}`;
    throw invalid(`"sasl.mechanism": ${why}; for another one give "sasl.authenticate", a function that logs in`);
  }
  for (const name of ['username', 'password'] as const) {
    if (typeof login[name] !== 'string' || login[name] === '') throw invalid(`"sasl.${name}" is missing`);
  }
}

function invalid(message: string): WatchError {
  return new WatchError('INVALID_OPTION', `${message}.`);
}
