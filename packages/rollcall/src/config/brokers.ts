import { WatchError } from '@rollcall/core';
import { type BrokerListOptions, checkBrokerListOptions } from '@rollcall/kafka';
import { type FieldContext, flagAt, mapAt, numberAt, onlyKeys, textAt, textsAt, wrong } from './fields.js';

/** `brokers:` of a watch: the policy of its bootstrap list. Keys are those of `BrokerListOptions`. */
export interface BrokersConfig {
  readonly listener?: string;
  readonly allow?: readonly string[];
  readonly clusterId?: string;
  readonly probe?: boolean | { readonly timeoutMs?: number };
  readonly limit?: number;
  readonly minBrokers?: number;
  readonly fallback?: readonly string[];
}

export const BROKERS_KEYS: readonly (keyof BrokersConfig)[] = [
  'listener',
  'allow',
  'clusterId',
  'probe',
  'limit',
  'minBrokers',
  'fallback',
];

/** @throws WatchError INVALID_OPTION that names file, line, key and the fix. */
export function readBrokers(context: FieldContext, path: readonly string[], value: unknown): BrokerListOptions {
  const fields = mapAt(context, path, value, `write below it ${BROKERS_KEYS.join(', ')}`);
  onlyKeys(context, path, fields, BROKERS_KEYS);
  const at = (key: keyof BrokersConfig): [FieldContext, string[], unknown] => [context, [...path, key], fields[key]];
  const options = {
    listener: textAt(...at('listener')),
    allow: textsAt(...at('allow')),
    clusterId: textAt(...at('clusterId')),
    probe: probeAt(...at('probe')),
    limit: numberAt(...at('limit'), 'brokers, as 3'),
    minBrokers: numberAt(...at('minBrokers'), 'brokers, as 2'),
    fallback: textsAt(...at('fallback')),
  };
  const given = Object.fromEntries(
    Object.entries(options).filter(([, each]) => each !== undefined),
  ) as BrokerListOptions;
  try {
    checkBrokerListOptions(given);
  } catch (error) {
    const why = withoutValues(WatchError.from(error).message.replace(/\.$/, ''));
    throw wrong(context, path, `cannot be used: ${why}`);
  }
  return given;
}

/** Removes quotations that are not keys: any value may be a password in the wrong place. */
function withoutValues(message: string): string {
  const isKey = (text: string): boolean =>
    text === 'probe.timeoutMs' || BROKERS_KEYS.some((key) => text.replace(/\[\d+\]$/, '') === key);
  return message.replace(/"((?:[^"\\]|\\.)*)…?"?/g, (quoted, text: string) => (isKey(text) ? quoted : '"…"'));
}

function probeAt(context: FieldContext, path: string[], value: unknown): BrokerListOptions['probe'] | undefined {
  if (typeof value !== 'object' || value === null) return flagAt(context, path, value);
  const fields = mapAt(context, path, value, 'write true, or below it timeoutMs');
  onlyKeys(context, path, fields, ['timeoutMs']);
  const timeoutMs = numberAt(context, [...path, 'timeoutMs'], fields.timeoutMs, 'milliseconds, as 2000');
  return timeoutMs === undefined ? true : { timeoutMs };
}
