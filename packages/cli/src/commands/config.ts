import { WatchError } from '@rollcall/core';
import type { WatchSummary } from 'rollcall';
import { jsonLine } from '../output/jsonLines.js';
import { printable } from '../output/printable.js';
import { count } from '../output/terminalLines.js';
import type { Session } from '../session/session.js';

/**
 * Checks that each watch of the configuration can be opened, and prints its settings, with secrets as `***`.
 * @throws WatchError INVALID_OPTION if no watch is configured, or the backend of one refuses its options.
 */
export async function checkConfig(session: Session): Promise<void> {
  const { json, out, paint, rollcall } = session;
  if (rollcall.watches.size === 0) {
    const fix = 'give its path by --config or ROLLCALL_CONFIG, or write ./rollcall.yaml';
    throw new WatchError('INVALID_OPTION', `config check: there is no configuration with a watch: ${fix}.`);
  }
  for (const [name, summary] of rollcall.watches) {
    // Opening a source does not connect, but refuses options that the backend does not have.
    await rollcall.open(name).release();
    const fields = Object.entries(flat(summary));
    const text = fields.map(([key, value]) => `  ${paint('dim', `${key}:`)} ${printable(String(value))}`);
    await out.lines(json ? [jsonLine({ type: 'watch', name, ...summary })] : [paint('bold', printable(name)), ...text]);
  }
  if (!json) await out.lines([`${count(rollcall.watches.size, 'watch', 'watches')}: all can be used.`]);
}

/**
 * All settings at one level: those of `connect` by their own names, those of `brokers` as `brokers.NAME`, deeper ones
 * as JSON.
 */
function flat(summary: WatchSummary): Record<string, unknown> {
  const { connect, brokers = {}, ...rest } = summary;
  const shown = (prefix: string, fields: object): [string, unknown][] =>
    Object.entries(fields).map(([key, value]) => [
      `${prefix}${key}`,
      typeof value === 'object' && value !== null ? JSON.stringify(value) : value,
    ]);
  return Object.fromEntries([...shown('', rest), ...shown('', connect), ...shown('brokers.', brokers)]);
}
