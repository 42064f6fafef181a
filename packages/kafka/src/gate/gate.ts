import { createSecureContext } from 'node:tls';
import { systemTiming, type Timing, WatchError } from '@rollcall/core';
import { ClusterGate } from './clusterGate.js';
import type { Gate, GateOptions, SaslOptions } from './types.js';

const MECHANISMS: readonly string[] = ['plain', 'scram-sha-256', 'scram-sha-512'] satisfies SaslOptions['mechanism'][];

/**
 * A gate that lets through what the options allow. A cluster id is no secret, and a broker can claim any: it protects from
 * mistakes, such as an address that now belongs to another cluster. Against an attacker give `tls`.
 * @throws WatchError INVALID_OPTION.
 */
export function createGate(options: GateOptions = {}, timing: Timing = systemTiming): Gate {
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
  if (sasl !== undefined) {
    if (!MECHANISMS.includes(sasl.mechanism)) throw invalid(`"sasl.mechanism" must be ${MECHANISMS.join(' or ')}`);
    for (const name of ['username', 'password'] as const) {
      if (typeof sasl[name] !== 'string' || sasl[name] === '') throw invalid(`"sasl.${name}" is missing`);
    }
  }
  return new ClusterGate(options, timing);
}

function invalid(message: string): WatchError {
  return new WatchError('INVALID_OPTION', `${message}.`);
}
