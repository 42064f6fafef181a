import { buffer } from 'node:stream/consumers';
import { WatchError } from '@rollcall/core';
import { jsonLine, keyFields } from '../jsonLines.js';
import { printable } from '../printable.js';
import { ANSWER_MS, inTime, type Session, writerOf } from '../session.js';

/**
 * Writes one exact key.
 * @param value the value as text, or `-` for the bytes of standard input.
 * @throws WatchError INVALID_URL for a prefix, UNSUPPORTED where the backend cannot write; what the backend says.
 */
export async function put(session: Session, url: string, value: string): Promise<void> {
  const { source, target, release } = session.rollcall.open(url);
  try {
    if (target.query !== undefined) {
      throw new WatchError('UNSUPPORTED', `put writes keys, and "${url}" selects services: register them with Consul.`);
    }
    if (!target.exact) {
      throw new WatchError(
        'INVALID_URL',
        `put writes one exact key, and "${url}" is a prefix: end the URL with the key's name.`,
      );
    }
    const write = writerOf(source, url);
    const bytes = value === '-' ? await buffer(session.io.stdin) : Buffer.from(value);
    const key = target.prefix;
    const revision = await inTime(session, ANSWER_MS, () => write.put(key, bytes));
    const text = `${session.paint('green', '✓')} ${printable(key)}  ${session.paint('dim', `revision ${revision}`)}`;
    await session.out.lines([session.json ? jsonLine({ type: 'put', ...keyFields(key), revision }) : text]);
  } finally {
    await release();
  }
}
