import { type Batch, type Change, type Entry, WatchError } from '@rollcall/core';
import { redactUrl } from '@rollcall/core/adapter';
import type { AddressExplained, BrokerListDecision, BrokerUpdate } from '@rollcall/kafka';
import type { Difference } from './differences.js';
import { cut, printable, textOf } from './printable.js';
import type { ToldStatus } from './statusTeller.js';
import type { Paint } from './style.js';

/** How lines are formatted for a terminal. */
export interface TerminalOptions {
  readonly paint: Paint;
  /** The terminal's width. */
  readonly columns: number;
  /** Leaves the values out. */
  readonly keysOnly?: boolean;
  /** The URL in each line, if several are watched. */
  readonly source?: string;
  /** The watched URL or name, for the line that says so while the command connects. */
  readonly url?: string;
}

/** `12:03:04.567`, local time, dim. */
function clock(paint: Paint): string {
  const now = new Date();
  const two = (part: number): string => String(part).padStart(2, '0');
  const ms = String(now.getMilliseconds()).padStart(3, '0');
  return paint('dim', `${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}.${ms}`);
}

/**
 * A batch's lines: one for each change, and after a batch that is no `delta` one with the number of keys and the
 * revision.
 */
export function* batchLines(batch: Batch, prefix: string, options: TerminalOptions): Generator<string> {
  const { paint } = options;
  const start = lineStart(options);
  for (const change of batch.changes) {
    yield `${start}${changeText(change, prefix, batch.cause === 'initial', options)}`;
  }
  if (batch.cause === 'delta') return;
  const { revision, entries } = batch.snapshot;
  const after = batch.cause === 'initial' ? '' : ` after a ${batch.cause}`;
  yield `${start}${paint('green', '●')} ${count(entries.size, 'key')}${after} ${paint('dim', `revision ${revision}`)}`;
}

/** A line for a status. If it is stale, the line has the error's code; the log has its message. */
export function statusLine(status: ToldStatus, options: TerminalOptions): string {
  return `${lineStart(options)}${statusText(status, options)}`;
}

function statusText(status: ToldStatus, { paint, url }: TerminalOptions): string {
  if (status.state === 'live') return `${paint('green', '●')} live`;
  if (status.state === 'stale') return `${paint('yellow', `! stale ${status.code}`)} the last good state stays`;
  return paint('dim', `connecting to ${printable(redactUrl(url ?? ''))}…`);
}

/** The first list in full; afterwards the brokers that were added and removed. */
export function brokersLine(before: readonly string[], update: BrokerUpdate, options: TerminalOptions): string {
  return `${lineStart(options)}${brokersText(before, update, options)}`;
}

/** As `brokersLine`, without time and URL. */
export function brokersText(
  before: readonly string[],
  { brokers, source, revision }: BrokerUpdate,
  { paint }: Pick<TerminalOptions, 'paint'>,
): string {
  const total = paint('bold', count(brokers.length, 'broker'));
  const gone = before.filter((address) => !brokers.includes(address)).map((address) => paint('red', `-${address}`));
  const come = brokers.filter((address) => !before.includes(address)).map((address) => paint('green', `+${address}`));
  const told = before.length === 0 ? brokers : [...come, ...gone];
  const origin = source === 'fallback' ? 'the fallback' : `revision ${revision}`;
  return `${total}  ${told.join(' ')}  ${paint('dim', origin)}`;
}

/** What became of each address, in columns. A reason is too long for a column and gets a line of its own. */
export function* explainTable(
  addresses: readonly AddressExplained[],
  { paint }: Pick<TerminalOptions, 'paint'>,
): Generator<string> {
  const rows = addresses.map((each) => ({ ...each, key: printable(each.key), address: each.address ?? '' }));
  const width = (of: 'outcome' | 'address'): number => Math.max(0, ...rows.map((row) => row[of].length));
  const [outcomes, places] = [width('outcome'), width('address')];
  for (const { key, address, outcome, reason } of rows) {
    const style = outcome === 'listed' ? 'green' : outcome === 'rejected' ? 'red' : 'yellow';
    yield `${paint(style, outcome.padEnd(outcomes))}  ${address.padEnd(places)}  ${key}`;
    if (reason !== undefined) yield `${''.padEnd(outcomes)}  ${paint('dim', printable(reason))}`;
  }
}

/** Whether the broker list was followed or refused, and why. */
export function decisionText(
  decision: BrokerListDecision | WatchError,
  { paint }: Pick<TerminalOptions, 'paint'>,
): string {
  if (decision instanceof WatchError) return `${paint('red', `none ${decision.code}`)}  ${printable(decision.message)}`;
  const { change, reason } = decision;
  const told = change === 'refuse' ? paint('red', `refuse ${decision.code}`) : paint('green', change);
  return `${told}  ${printable(reason)}`;
}

/** The address on which a relay listens. */
export function relayLine(address: string, options: TerminalOptions): string {
  return `${lineStart(options)}${options.paint('green', '●')} relay on ${options.paint('bold', address)}`;
}

/** A key and its value on one line. */
export function entryText(key: string, entry: Entry, { paint, columns, keysOnly }: TerminalOptions): string {
  return keysOnly ? printable(key) : `${printable(key)}  ${paint('dim', valueText(entry, columns))}`;
}

/** One key that differs between two places. */
export function differenceText(difference: Difference, { paint, columns }: TerminalOptions): string {
  const key = printable(difference.key);
  if (difference.type === 'delete') return paint('red', `- ${key}`);
  const { value, previous } = difference;
  if (previous === undefined) return `${paint('green', `+ ${key}`)}  ${paint('dim', valueText({ value }, columns))}`;
  const values = `${valueText({ value: previous }, columns / 2)} → ${valueText({ value }, columns / 2)}`;
  return `${paint('yellow', `~ ${key}`)}  ${paint('dim', values)}`;
}

/** `1 key`, `2 keys`. */
export function count(number: number, thing: string, things = `${thing}s`): string {
  return `${number} ${number === 1 ? thing : things}`;
}

function lineStart({ paint, source }: TerminalOptions): string {
  return `${clock(paint)}  ${source === undefined ? '' : `${paint('cyan', printable(source))}  `}`;
}

function changeText(change: Change, prefix: string, initial: boolean, options: TerminalOptions): string {
  const { paint, columns, keysOnly } = options;
  const key = printable(prefix + change.key);
  if (change.type === 'delete') return `${paint('red', `- ${key}`)}`;
  const { entry, previous } = change;
  const sign = initial ? `  ${key}` : previous === undefined ? paint('green', `+ ${key}`) : paint('yellow', `~ ${key}`);
  if (keysOnly) return sign;
  const value = valueText(entry, columns);
  const values = previous === undefined ? value : `${valueText(previous, columns / 2)} → ${value}`;
  return `${sign}  ${paint('dim', values)}`;
}

/** A value without line breaks, at most `width` characters. The whole line may be longer. */
function valueText({ value }: Pick<Entry, 'value'>, width: number): string {
  if (value.length === 0) return '""';
  const text = textOf(value);
  return text === undefined ? `(${count(value.length, 'byte')})` : cut(printable(text), width);
}
