import { readFileSync, statSync } from 'node:fs';
import { WatchError } from '@rollcall/core';
import type { BrokerListOptions } from '@rollcall/kafka';
import type { Command } from 'commander';
import type { Environment } from 'rollcall';
import { parseCount } from './count.js';
import { kafkaSecurity } from './kafkaSecurity.js';

/** The flags that decide which brokers get into the bootstrap list. */
export interface PolicyFlags {
  readonly listener?: string;
  readonly allow?: readonly string[];
  readonly clusterId?: string;
  readonly probe?: true;
  readonly shuffle?: string;
  readonly limit?: number;
}

const AFTER = `
How to speak to brokers, to ask them, comes from the environment:
ROLLCALL_KAFKA_USERNAME, _PASSWORD and _MECHANISM (plain, scram-sha-256 or
scram-sha-512) for SASL; ROLLCALL_KAFKA_TLS=true for TLS with the system's
authorities; ROLLCALL_KAFKA_CA, _CERT and _KEY for paths of PEM files.`;

/** Adds the flags that `brokers` and `relay` share. */
export function addPolicy(command: Command): Command {
  return command
    .option('--listener <name>', "take the brokers' listener of this name or protocol, as SASL_SSL")
    .option(
      '--allow <host>',
      'leave out brokers that are not a name, *.domain, address or CIDR block given so (repeatable)',
      (host: string, before: readonly string[] = []) => [...before, host],
    )
    .option('--cluster-id <id>', 'leave out brokers of another cluster than this; implies --probe')
    .option('--probe', 'ask each broker for its cluster before it is listed')
    .option('--shuffle <seed>', 'shuffle: one seed, one order (default: by host)')
    .option('--limit <count>', "at most so many, spread over the brokers' racks", parseCount)
    .addHelpText('after', AFTER);
}

/**
 * The policy: flags first, then the configuration; TLS and login come from the environment.
 * @param configured the configuration of the watched name.
 * @throws WatchError INVALID_OPTION for an environment variable that is wrong or missing, or whose file cannot be read.
 */
export function policyOf(flags: PolicyFlags, configured: BrokerListOptions, env: Environment): BrokerListOptions {
  const { listener, allow, clusterId, probe, shuffle, limit } = flags;
  return {
    ...configured,
    ...(listener !== undefined && { listener }),
    ...(allow !== undefined && { allow }),
    ...(clusterId !== undefined && { clusterId }),
    // A broker's cluster is only known after a probe.
    ...((probe || clusterId !== undefined) && { probe: configured.probe || true }),
    ...(shuffle !== undefined && { shuffle }),
    ...(limit !== undefined && { limit }),
    ...kafkaSecurity(env, readRegular),
  };
}

/** Only files: reading a pipe would block the whole process. */
function readRegular(path: string): string {
  if (!statSync(path).isFile()) throw new Error('it is no regular file');
  return readFileSync(path, 'utf8');
}

/** Wordings of the library's messages, and what the command line says instead: flags and environment variables. */
const FLAGS: readonly (readonly [RegExp, string])[] = [
  [/"listener"/g, '--listener'],
  [/"allow(?:\[\d+\])?"/g, '--allow'],
  [/"clusterId"/g, '--cluster-id'],
  [/"probe"/g, '--probe'],
  [/"limit"/g, '--limit'],
  [/"shuffle"/g, '--shuffle'],
  [/give "sasl" \(with "authenticate"[^)]*\)/g, 'set ROLLCALL_KAFKA_USERNAME, _PASSWORD and _MECHANISM'],
  [/leave "sasl" out/g, 'unset ROLLCALL_KAFKA_USERNAME'],
  [/"sasl\.mechanism"/g, 'ROLLCALL_KAFKA_MECHANISM'],
  [/give "tls"/g, 'set ROLLCALL_KAFKA_TLS=true'],
  [/leave "tls" out/g, 'unset ROLLCALL_KAFKA_TLS'],
  [/"rollcall brokers --explain" and explain\(\) tell/g, '--explain tells'],
];

/** The library's message with the names of flags in place of options. */
export function inFlags(message: string): string {
  return FLAGS.reduce((text, [option, flag]) => text.replace(option, flag), message);
}

/** Runs `run`. A WatchError is thrown again, with the names of flags in its message. */
export async function withFlags<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (thrown) {
    if (!(thrown instanceof WatchError)) throw thrown;
    throw new WatchError(thrown.code, inFlags(thrown.message), { cause: thrown });
  }
}
