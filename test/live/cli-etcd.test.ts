import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type JsonLine, Program } from '../support/cli.js';
import { type Etcd, startEtcd } from '../support/etcd.js';

let etcd: Etcd;

beforeAll(async () => {
  etcd = await startEtcd();
});

afterAll(async () => {
  await etcd[Symbol.asyncDispose]();
});

const synced = ({ type }: JsonLine): boolean => type === 'synced';
const url = (path: string): string => `etcd://${etcd.endpoint}/${path}`;

/** The revision of an `etcdctl put`. */
async function put(key: string, value: string): Promise<string> {
  const { header } = JSON.parse(await etcd.etcdctl(['put', key, value, '-w', 'json'])) as {
    header: { revision: number };
  };
  return String(header.revision);
}

describe('rollcall on etcd', () => {
  test('tail prints the snapshot, synced, then every change that etcdctl makes', async () => {
    const first = await put('tail/a', 'one');
    await using tail = Program.rollcall(['tail', url('tail/')]);
    expect(await tail.untilLine(synced)).toEqual([
      { type: 'put', key: 'tail/a', value: 'one', revision: first, initial: true },
      { type: 'synced', revision: first, keys: 1, cause: 'initial' },
    ]);
    const second = await put('tail/a', 'two');
    await etcd.etcdctl(['del', 'tail/a']);
    const deleted = String(BigInt(second) + 1n);
    const lines = await tail.untilLine(({ type }) => type === 'delete');
    expect(lines.slice(2)).toEqual([
      { type: 'put', key: 'tail/a', value: 'two', previous: 'one', revision: second },
      { type: 'delete', key: 'tail/a', revision: deleted },
    ]);
  });

  test('S23 tail survives kill -9 and a restart: every revision once, stale and live told', async () => {
    await put('kill/a', '0');
    await using tail = Program.rollcall(['tail', url('kill/')]);
    await tail.untilLine(synced);
    const before = await put('kill/a', '1');
    await tail.untilLine(({ revision, value }) => revision === before && value === '1');
    await etcd.kill9();
    await tail.untilLine(({ state }) => state === 'stale');
    await etcd.restart();
    await tail.untilLine(({ state }) => state === 'live');
    const after: string[] = [];
    for (const value of ['2', '3', '4']) after.push(await put('kill/a', value));
    const lines = await tail.untilLine(({ value }) => value === '4');
    expect(lines.slice(2).filter(({ type }) => type === 'put')).toEqual([
      { type: 'put', key: 'kill/a', value: '1', previous: '0', revision: before },
      ...after.map((revision, i) => ({
        type: 'put',
        key: 'kill/a',
        value: `${i + 2}`,
        previous: `${i + 1}`,
        revision,
      })),
    ]);
    const states = lines.filter(({ type }) => type === 'status').map(({ state }) => state);
    expect(states.at(0)).toBe('stale');
    expect(states.at(-1)).toBe('live');
  });

  test('put, get, delete and brokers do as etcdctl does', async () => {
    const run = async (...args: string[]): Promise<string> => {
      await using program = Program.rollcall(args);
      expect(await program.ended).toEqual({ code: 0, signal: null });
      return program.stdout;
    };
    await run('put', url('b/10.0.0.2:9092'), '');
    await run('put', url('b/10.0.0.1:9092'), '');
    expect(await etcd.etcdctl(['get', '--prefix', 'b/', '--keys-only'])).toBe('b/10.0.0.1:9092\n\nb/10.0.0.2:9092\n\n');
    expect(await run('brokers', '--once', url('b/'))).toBe('10.0.0.1:9092,10.0.0.2:9092\n');
    await put('value', 'spaces  and\nlines');
    expect(await run('get', url('value'))).toBe('spaces  and\nlines');
    const revision = async (): Promise<number> => {
      const answer = await etcd.etcdctl(['get', 'value', '--write-out', 'json']);
      return (JSON.parse(answer) as { header: { revision: number } }).header.revision;
    };
    const before = await revision();
    expect(JSON.parse(await run('delete', '--recursive', url('b/')))).toMatchObject({ type: 'deleted', count: 2 });
    expect(await etcd.etcdctl(['get', '--prefix', 'b/'])).toBe('');
    expect(await revision(), 'all in one revision').toBe(before + 1);
  });

  test('ETCDCTL_ENDPOINTS gives the host where the URL has none', async () => {
    await put('endpoints', 'here');
    await using get = Program.rollcall(['get', 'etcd:///endpoints'], {
      ETCDCTL_ENDPOINTS: `http://${etcd.endpoint}`,
    });
    await get.ended;
    expect(get.stdout).toBe('here');
  });

  test('S50 S55 a wrong password ends with exit code 1 and is repeated nowhere; the right one works', async () => {
    await using locked = await startEtcd();
    for (const args of ['user add root:correct-horse', 'user grant-role root root', 'auth enable']) {
      await locked.etcdctl(args.split(' '));
    }
    const target = `etcd://${locked.endpoint}/key`;
    await using wrong = Program.rollcall(['get', '--log-level', 'debug', target], {
      ETCDCTL_USER: 'root:battery-staple',
    });
    expect(await wrong.ended).toEqual({ code: 1, signal: null });
    expect(wrong.stderr).toContain('error: ');
    expect(wrong.stdout + wrong.stderr).not.toContain('battery-staple');
    await locked.etcdctl(['put', 'key', 'value'], { user: 'root:correct-horse' });
    await using right = Program.rollcall(['get', target], {
      ROLLCALL_USERNAME: 'root',
      ROLLCALL_PASSWORD: 'correct-horse',
    });
    expect(await right.ended).toEqual({ code: 0, signal: null });
    expect(right.stdout).toBe('value');
  });
});
