import { describe, expect, it } from 'vitest';
import { diff } from '../src/commands/diff.js';
import { get } from '../src/commands/get.js';
import { tail } from '../src/commands/tail.js';
import { OpenSession } from './openSession.js';

const text = (value: string): Uint8Array => Buffer.from(value);

/** Revision 1: a/1 is one. 2: a/2 is two. 3: a/1 is uno. 4: a/2 is gone. 5: b, elsewhere. */
async function withHistory(options: ConstructorParameters<typeof OpenSession>[0] = {}): Promise<OpenSession> {
  const open = new OpenSession(options);
  const { put, delete: remove } = open.writer('memory:h');
  await put('a/1', text('one'));
  await put('a/2', text('two'));
  await put('a/1', text('uno'));
  await remove('a/2');
  await put('b', text('elsewhere'));
  return open;
}

describe('tail --since', () => {
  it.each([undefined, 10_000])('prints every change after the revision, then goes on live (timeout %s)', async (ms) => {
    await using open = await withHistory(ms === undefined ? {} : { timeoutMs: ms });
    const running = tail(open.session, ['memory:h#a/'], { since: '2' });
    const past = await open.until(({ type }) => type === 'delete');
    expect(past.filter(({ type }) => type !== 'status')).toEqual([
      { type: 'synced', revision: '2', keys: 2, cause: 'initial' },
      { type: 'put', key: 'a/1', value: 'uno', previous: 'one', revision: '3' },
      { type: 'delete', key: 'a/2', revision: '4' },
    ]);
    await open.writer('memory:h').put('a/3', text('three'));
    const live = await open.until(({ key }) => key === 'a/3');
    expect(live.at(-1)).toEqual({ type: 'put', key: 'a/3', value: 'three', revision: '6' });
    // It may be told a turn of the event loop after what was printed meanwhile.
    const isTold = [...past, ...live].some(({ type }) => type === 'status');
    const rest = isTold ? [] : await open.until(({ type }) => type === 'status');
    expect([...past, ...live, ...rest].filter(({ type }) => type === 'status')).toEqual([
      { type: 'status', state: 'live', provenAt: expect.any(String) },
    ]);
    open.stop();
    await running;
  });

  it('a revision that is yet to come ends it and says how far the store is', async () => {
    await using open = await withHistory();
    await expect(tail(open.session, ['memory:h#a/'], { since: '6' })).rejects.toMatchObject({
      code: 'ROLLED_BACK',
      message: 'memory:h is at revision 5, before 6.',
    });
  });
});

describe('get --at', () => {
  it('prints what was there', async () => {
    await using open = await withHistory();
    await get(open.session, 'memory:h#a/', { at: '2' });
    expect(await open.until(({ key }) => key === 'a/2')).toEqual([
      { type: 'entry', key: 'a/1', value: 'one', revision: '1' },
      { type: 'entry', key: 'a/2', value: 'two', revision: '2' },
    ]);
    await expect(get(open.session, 'memory:h#a/2', { at: '4' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'There was no key "a/2" at revision 4.',
    });
  });
});

describe('diff --from', () => {
  const compared = ({ type }: { type?: unknown }): boolean => type === 'compared';

  it('tells what changed between two revisions, forwards or backwards, and until now', async () => {
    await using open = await withHistory();
    const told = async (from: string, to?: string) => {
      await diff(open.session, 'memory:h#a/', undefined, { from, ...(to === undefined ? {} : { to }) });
      return open.until(compared);
    };
    expect(await told('1', '3')).toEqual([
      { type: 'put', key: '1', value: 'uno', previous: 'one' },
      { type: 'put', key: '2', value: 'two' },
      { type: 'compared', differences: 2, keys: [1, 2], revisions: ['1', '3'] },
    ]);
    expect(await told('3', '2')).toEqual([
      { type: 'put', key: '1', value: 'one', previous: 'uno' },
      { type: 'compared', differences: 1, keys: [2, 2], revisions: ['3', '2'] },
    ]);
    expect(await told('2')).toEqual([
      { type: 'put', key: '1', value: 'uno', previous: 'one' },
      { type: 'delete', key: '2', previous: 'two' },
      { type: 'compared', differences: 2, keys: [2, 1], revisions: ['2', '5'] },
    ]);
  });

  it('says on a terminal which revisions were compared', async () => {
    await using open = await withHistory({ json: false });
    await diff(open.session, 'memory:h#a/', undefined, { from: '4' });
    expect(String(open.stdout.read())).toBe('The same.  revision 4 → 5\n');
  });
});
