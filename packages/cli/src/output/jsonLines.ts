import { type Batch, type Change, type Entry, keyToBytes, type Revision, WatchError } from '@rollcall/core';
import { isEscapedKey } from '@rollcall/core/internal';
import type { AddressExplained, BrokerListDecision, BrokerUpdate } from '@rollcall/kafka';
import type { Difference } from './differences.js';
import { printableJson, textOf } from './printable.js';
import type { ToldStatus } from './statusTeller.js';

/** How changes are written as JSON. */
export interface JsonOptions {
  /** Leaves the values out. */
  readonly keysOnly?: boolean;
  /** The URL in each line, if several are watched. */
  readonly source?: string;
}

/** One JSON object as a line, with the time of writing. */
export function jsonLine(fields: object): string {
  return printableJson({ ...fields, time: new Date().toISOString() });
}

/**
 * A batch's lines: its changes, and `synced` after an initial one, a resync and a swap.
 * @param prefix the batch's keys are relative to it; the printed keys are complete.
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

/** One key that differs between two places, relative to both prefixes. */
export function differenceLine(difference: Difference): string {
  const { type, key, previous } = difference;
  const values = {
    ...(difference.type === 'put' ? valueFields('value', difference) : {}),
    ...(previous && valueFields('previous', { value: previous })),
  };
  return jsonLine({ type, ...keyFields(key), ...values });
}

/**
 * A bootstrap list, and which brokers were added and removed.
 * @param before the list before; empty if there was none.
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

/** The decision about the list; `none` if the registry has not answered. */
export function decisionLine(decision: BrokerListDecision | WatchError): string {
  if (decision instanceof WatchError) {
    return jsonLine({ type: 'decision', change: 'none', code: decision.code, reason: decision.message });
  }
  return jsonLine({ type: 'decision', ...decision });
}

/** A key as JSON. One with bytes that are not UTF-8 is written in base64. */
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
