import { type Batch, type Change, type Entry, keyToBytes, type Revision, WatchError } from '@rollcall/core';
import { isEscapedKey } from '@rollcall/core/internal';
import type { AddressExplained, BrokerListDecision, BrokerUpdate } from '@rollcall/kafka';
import type { Difference } from './differences.js';
import { printableJson, textOf } from './printable.js';
import type { ToldStatus } from './statusTeller.js';

/** How changes are told as JSON. */
export interface JsonOptions {
  /** Leaves the values out. */
  readonly keysOnly?: boolean;
  /** Told in each line, where several are watched. */
  readonly source?: string;
}

/** One JSON object as a line, with the time of writing. */
export function jsonLine(fields: object): string {
  return printableJson({ ...fields, time: new Date().toISOString() });
}

/**
 * A batch's lines: its changes, and `synced` after an initial one, a resync and a swap.
 * @param prefix what the batch's keys are relative to; the printed ones are whole.
 */
export function* batchLines(batch: Batch, prefix: string, options: JsonOptions = {}): Generator<string> {
  const source = sourceField(options);
  const marks = {
    ...(batch.cause === 'initial' ? { initial: true } : {}),
    ...(batch.coalesced ? { coalesced: true } : {}),
    ...source,
  };
  for (const change of batch.changes) yield jsonLine({ ...changeFields(change, prefix, options), ...marks });
  if (batch.cause === 'delta') return;
  const { revision, entries } = batch.snapshot;
  yield jsonLine({ type: 'synced', revision, keys: entries.size, cause: batch.cause, ...source });
}

export function statusLine(status: ToldStatus, options: JsonOptions = {}): string {
  return jsonLine({ type: 'status', state: status.state, ...statusFields(status), ...sourceField(options) });
}

function statusFields(status: ToldStatus): object {
  if (status.state === 'live') return { provenAt: new Date(status.provenAt).toISOString() };
  const { error } = status;
  const why = error && { code: error.code, message: error.message };
  return status.state === 'connecting' ? { ...why } : { provenAt: new Date(status.since).toISOString(), ...why };
}

/** One entry of a read. */
export function entryLine(key: string, entry: Entry, revision: Revision, options: JsonOptions = {}): string {
  const value = options.keysOnly ? {} : valueFields('value', entry);
  return jsonLine({ type: 'entry', ...keyFields(key), ...value, revision: entry.revision ?? revision });
}

/** One key that differs between two places; the key is relative to both. */
export function differenceLine(difference: Difference): string {
  const { type, key, previous } = difference;
  const values = {
    ...(difference.type === 'put' ? valueFields('value', difference) : {}),
    ...(previous && valueFields('previous', { value: previous })),
  };
  return jsonLine({ type, ...keyFields(key), ...values });
}

/**
 * A bootstrap list, and what came and went since the one before.
 * @param before empty where there was none.
 */
export function brokersLine(before: readonly string[], { brokers, change, source, revision }: BrokerUpdate): string {
  const added = brokers.filter((address) => !before.includes(address));
  const removed = before.filter((address) => !brokers.includes(address));
  const origin = source === 'fallback' ? { source } : {};
  return jsonLine({ type: 'brokers', brokers, change, added, removed, ...origin, revision });
}

/** What became of one address. */
export function explainLine({ key, revision, address, outcome, reason }: AddressExplained): string {
  return jsonLine({ type: 'explain', ...keyFields(key), address, outcome, reason, revision });
}

/** What was decided of the list that the keys make; `none` where the registry gave no answer. */
export function decisionLine(decision: BrokerListDecision | WatchError): string {
  if (decision instanceof WatchError) {
    return jsonLine({ type: 'decision', change: 'none', code: decision.code, reason: decision.message });
  }
  return jsonLine({ type: 'decision', ...decision });
}

/** A key as JSON: one with bytes that are not UTF-8 has no text of its own. */
export function keyFields(key: string): object {
  return isEscapedKey(key) ? { keyBase64: Buffer.from(keyToBytes(key)).toString('base64') } : { key };
}

function changeFields(change: Change, prefix: string, { keysOnly = false }: JsonOptions): object {
  const { type, revision } = change;
  const key = keyFields(prefix + change.key);
  if (change.type === 'delete') return { type, ...key, revision, ...(change.synthetic ? { synthetic: true } : {}) };
  const values = {
    ...valueFields('value', change.entry),
    ...(change.previous && valueFields('previous', change.previous)),
  };
  return { type, ...key, ...(keysOnly ? {} : values), revision };
}

function valueFields(name: 'value' | 'previous', { value }: Pick<Entry, 'value'>): object {
  const text = textOf(value);
  return text === undefined ? { [`${name}Base64`]: Buffer.from(value).toString('base64') } : { [name]: text };
}

function sourceField({ source }: JsonOptions): object {
  return source === undefined ? {} : { source };
}
