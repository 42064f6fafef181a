import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { del, put, putMany, stateAt, txn } from '../faults/etcd-watching.js';
import { type JsonLine, Program } from '../support/cli.js';
import { type Etcd, startEtcd } from '../support/etcd.js';
import { compact } from '../support/etcd-maintenance.js';

let etcd: Etcd;

beforeAll(async () => {
  etcd = await startEtcd();
});

afterAll(async () => {
  await etcd[Symbol.asyncDispose]();
});

const synced = ({ type }: JsonLine): boolean => type === 'synced';
const url = (path: string, server = etcd): string => `etcd://${server.endpoint}/${path}`;
const next = (revision: string, by = 1n): string => String(BigInt(revision) + by);
/** What was told of keys; when a status is told depends on how fast the server answers. */
const told = (lines: readonly JsonLine[]): JsonLine[] => lines.filter(({ type }) => type !== 'status');

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly lines: readonly JsonLine[];
}

async function run(...args: string[]): Promise<Ended> {
  await using program = Program.rollcall(args);
  const { code } = await program.ended;
  const { stdout, stderr, lines } = program;
  return { code, stdout, stderr, lines };
}

/** What etcdctl says the values under a prefix were, by key after the prefix. */
async function valuesAt(prefix: string, revision?: string): Promise<Record<string, string>> {
  const state = await stateAt(etcd, { prefix, ...(revision === undefined ? {} : { revision }) });
  return Object.fromEntries(Object.entries(state).map(([key, text]) => [key, text.replace(/ @\d+ created \d+$/, '')]));
}

/** What changes make of a state, by key after the prefix. */
function applied(state: Record<string, string>, prefix: string, changes: readonly JsonLine[]): Record<string, unknown> {
  const result = new Map<string, unknown>(Object.entries(state));
  for (const { type, key, value } of changes) {
    const relative = String(key).slice(prefix.length);
    if (type === 'put') result.set(relative, value);
    else if (type === 'delete') result.delete(relative);
  }
  return Object.fromEntries(result);
}

describe('tail --since', () => {
  test('prints every change after the revision, deletes and a transaction among them, then goes on live', async () => {
    await put(etcd, 's/gone', 'x');
    const since = await put(etcd, 's/a', '0');
    const first = await put(etcd, 's/a', '1');
    const second = await del(etcd, 's/gone');
    await put(etcd, 'elsewhere', 'x');
    const third = await txn(etcd, { 's/a': undefined, 's/b': '2', 's/c': '3' });
    await using tail = Program.rollcall(['tail', '--since', since, url('s/')]);
    await tail.untilLine(({ key }) => key === 's/c');
    const fourth = await put(etcd, 's/c', '4');
    expect(told(await tail.untilLine(({ revision }) => revision === fourth))).toEqual([
      { type: 'synced', revision: since, keys: 2, cause: 'initial' },
      { type: 'put', key: 's/a', value: '1', previous: '0', revision: first },
      { type: 'delete', key: 's/gone', revision: second },
      { type: 'delete', key: 's/a', revision: third },
      { type: 'put', key: 's/b', value: '2', revision: third },
      { type: 'put', key: 's/c', value: '3', revision: third },
      { type: 'put', key: 's/c', value: '4', previous: '3', revision: fourth },
    ]);
  });

  test('goes on where a synced line ended: nothing that came meanwhile is missed, nothing told twice', async () => {
    await put(etcd, 'go/a', '0');
    await using before = Program.rollcall(['tail', url('go/')]);
    const { revision } = (await before.untilLine(synced)).at(-1) ?? {};
    await before.end();
    const meanwhile = [await put(etcd, 'go/a', '1'), await del(etcd, 'go/a'), await put(etcd, 'go/a', '0')];
    await using after = Program.rollcall(['tail', '--since', String(revision), url('go/')]);
    const lines = await after.untilLine((line) => line.revision === meanwhile.at(-1));
    expect(told(lines).map((line) => [line.type, line.revision])).toEqual([
      ['synced', revision],
      ['put', meanwhile[0]],
      ['delete', meanwhile[1]],
      ['put', meanwhile[2]],
    ]);
  });

  test('a history of thousands of revisions comes whole through a pipe that is slower than etcd', async () => {
    const changes = 5_000;
    const since = await put(etcd, 'elsewhere', 'x');
    await putMany(etcd, changes, (index) => `many/${index % 10}`);
    const last = next(since, BigInt(changes));
    await using tail = Program.rollcall(['tail', '--since', since, url('many/')]);
    const lines = await tail.untilLine(({ revision }) => revision === last);
    const each = Array.from({ length: changes }, (_, index) => next(since, BigInt(index + 1)));
    expect(lines.filter(({ type }) => type === 'put').map(({ revision }) => revision)).toEqual(each);
    expect(lines.some(({ coalesced }) => coalesced === true)).toBe(false);
  });

  test('S23 goes on through kill -9 and a restart: each change once, from the history and from after it', async () => {
    await using own = await startEtcd();
    const since = await put(own, 'k/a', '0');
    const past = [await put(own, 'k/a', '1'), await del(own, 'k/a')];
    await using tail = Program.rollcall(['tail', '--since', since, url('k/', own)]);
    await tail.untilLine(({ type }) => type === 'delete');
    await own.kill9();
    await tail.untilLine(({ state }) => state === 'stale');
    await own.restart();
    const later = [await put(own, 'k/a', '2'), await put(own, 'k/b', '3')];
    const lines = await tail.untilLine(({ key }) => key === 'k/b');
    const changes = lines.filter(({ type }) => type === 'put' || type === 'delete');
    expect(changes.map(({ revision }) => revision)).toEqual([...past, ...later]);
    expect(applied({ a: '0' }, 'k/', changes)).toEqual({ a: '2', b: '3' });
    expect(await stateAt(own, { prefix: 'k/' })).toEqual({
      a: `2 @${later[0]} created ${later[0]}`,
      b: `3 @${later[1]} created ${later[1]}`,
    });
    // The history is the server's, so another tail finds it too, from before the crash.
    await using again = Program.rollcall(['tail', '--since', since, url('k/', own)]);
    const repeated = await again.untilLine(({ key }) => key === 'k/b');
    expect(repeated.filter(({ type }) => type === 'put' || type === 'delete')).toEqual(changes);
  });
});

describe('a revision that is not there', () => {
  test('S40 compacted: exit 1 and the oldest revision, from which it goes; the same after a restart', async () => {
    await using own = await startEtcd();
    await put(own, 'c/a', '0');
    await put(own, 'c/b', '0');
    const oldest = await del(own, 'c/a');
    const newest = await put(own, 'c/b', '1');
    await compact(own, oldest);
    const gone = next(oldest, -1n);
    const message = `error: etcd at ${own.endpoint} is compacted: its oldest revision is ${oldest}.\n`;
    const refused = { code: 1, stdout: '', stderr: message };
    expect(await run('tail', '--since', gone, url('c/', own))).toMatchObject(refused);
    expect(await run('get', '--at', '1', url('c/b', own))).toMatchObject(refused);
    expect(await run('diff', '--from', gone, url('c/', own))).toMatchObject(refused);
    await own.kill9();
    await own.restart();
    expect(await run('tail', '--since', gone, url('c/', own))).toMatchObject(refused);
    await using tail = Program.rollcall(['tail', '--since', oldest, url('c/', own)]);
    expect(told(await tail.untilLine(({ type }) => type === 'put'))).toEqual([
      { type: 'synced', revision: oldest, keys: 1, cause: 'initial' },
      { type: 'put', key: 'c/b', value: '1', previous: '0', revision: newest },
    ]);
    expect((await run('get', '--at', oldest, url('c/b', own))).stdout).toBe('0');
  });

  test('yet to come: exit 1 and how far the store is', async () => {
    await using own = await startEtcd();
    const now = await put(own, 'f/a', 'x');
    const message = `error: etcd at ${own.endpoint} is at revision ${now}: revision ${next(now)} is still to come.\n`;
    const refused = { code: 1, stdout: '', stderr: message };
    expect(await run('tail', '--since', next(now), url('f/', own))).toMatchObject(refused);
    expect(await run('get', '--at', next(now), url('f/a', own))).toMatchObject(refused);
    expect(await run('diff', '--from', now, '--to', next(now), url('f/', own))).toMatchObject(refused);
  });

  test('too large to be one: exit 2', async () => {
    const { code, stderr } = await run('get', '--at', '9223372036854775808', url('a'));
    expect([code, stderr]).toEqual([2, expect.stringContaining('a revision is a whole number above 0')]);
  });
});

describe('the past', () => {
  test('get --at prints what etcdctl says was there, one key or a prefix', async () => {
    const then = await put(etcd, 'g/a', 'old\n');
    await put(etcd, 'g/b', 'x');
    await del(etcd, 'g/a');
    expect((await run('get', '--at', then, url('g/a'))).stdout).toBe('old\n');
    expect((await run('get', '--at', then, url('g/'))).lines).toEqual([
      { type: 'entry', key: 'g/a', value: 'old\n', revision: then },
    ]);
    expect(await valuesAt('g/', then)).toEqual({ a: 'old\n' });
    const { code, stderr } = await run('get', '--at', next(then, 2n), url('g/a'));
    expect([code, stderr]).toEqual([1, `error: There was no key "g/a" at revision ${next(then, 2n)}.\n`]);
  });

  test('diff --from --to is what etcdctl says of the two revisions', async () => {
    await put(etcd, 'd/same', '1');
    await put(etcd, 'd/gone', '1');
    const from = await put(etcd, 'd/other', '1');
    await txn(etcd, { 'd/gone': undefined, 'd/other': '2', 'd/new': '3' });
    const to = await put(etcd, 'd/same', '1');
    await put(etcd, 'd/later', '4');
    const between = await run('diff', url('d/'), '--from', from, '--to', to);
    expect(between.lines).toEqual([
      { type: 'delete', key: 'gone', previous: '1' },
      { type: 'put', key: 'new', value: '3' },
      { type: 'put', key: 'other', value: '2', previous: '1' },
      { type: 'compared', differences: 3, keys: [3, 3], revisions: [from, to] },
    ]);
    expect(applied(await valuesAt('d/', from), '', between.lines)).toEqual(await valuesAt('d/', to));
    const untilNow = await run('diff', url('d/'), '--from', to);
    expect(applied(await valuesAt('d/', to), '', untilNow.lines)).toEqual(await valuesAt('d/'));
    expect(untilNow.lines).toHaveLength(2);
  });
});

describe.concurrent('leases', () => {
  test('S49 put --ttl tells the lease that etcd granted, and when it ends the tail tells the delete', async () => {
    const { lines } = await run('put', '--ttl', '90s', url('l/long'), 'x');
    expect(lines).toEqual([
      { type: 'put', key: 'l/long', revision: expect.any(String), lease: expect.any(String), ttlMs: 90_000 },
    ]);
    const answer = await etcd.etcdctl(['lease', 'timetolive', '--keys', String(lines[0]?.lease)]);
    expect(answer).toMatch(/granted with TTL\(90s\).*attached keys\(\[l\/long\]\)/);

    await using tail = Program.rollcall(['tail', url('ttl/')]);
    await tail.untilLine(synced);
    const short = await run('put', '--ttl', '100ms', url('ttl/a'), 'x');
    // A second is asked for, and etcd grants no lease shorter than its election timeout and a half, in whole seconds.
    expect(short.lines[0]).toMatchObject({ ttlMs: 2_000 });
    const all = await tail.untilLine(({ type }) => type === 'delete');
    expect(all.slice(1).map(({ type, key, synthetic }) => [type, key, synthetic])).toEqual([
      ['put', 'ttl/a', undefined],
      ['delete', 'ttl/a', undefined],
    ]);
    expect(await valuesAt('ttl/')).toEqual({});
  });

  test('put --lease puts under a lease that etcdctl granted; revoked, the tail tells the delete', async () => {
    await using tail = Program.rollcall(['tail', url('revoke/')]);
    await tail.untilLine(synced);
    const lease = await grant(600);
    expect(await run('put', '--lease', lease, url('revoke/a'), 'x')).toMatchObject({ code: 0, stderr: '' });
    await etcd.etcdctl(['lease', 'revoke', lease]);
    const lines = await tail.untilLine(({ type }) => type === 'delete');
    expect(lines.slice(1).map(({ type, key }) => [type, key])).toEqual([
      ['put', 'revoke/a'],
      ['delete', 'revoke/a'],
    ]);
    const { code, stderr } = await run('put', '--lease', lease, url('revoke/a'), 'x');
    expect([code, stderr]).toEqual([1, expect.stringContaining('the lease has expired or never was')]);
    expect(await valuesAt('revoke/')).toEqual({});
  });

  test('--ignore-value detaches a key: it outlives its lease, with which another key goes', async () => {
    await using tail = Program.rollcall(['tail', url('detach/')]);
    await tail.untilLine(synced);
    const lease = await grant(3);
    const { lines } = await renewing(lease, async () => {
      await etcd.etcdctl(['put', '--lease', lease, 'detach/kept', 'value']);
      await etcd.etcdctl(['put', '--lease', lease, 'detach/lost', 'x']);
      return run('put', '--ignore-value', url('detach/kept'));
    });
    expect(lines).toEqual([{ type: 'put', key: 'detach/kept', revision: expect.any(String) }]);
    const all = await tail.untilLine(({ type }) => type === 'delete');
    expect(all.filter(({ type }) => type === 'delete').map(({ key }) => key)).toEqual(['detach/lost']);
    // etcd deletes all keys of a lease in one revision, so nothing of it is still to come.
    expect(await valuesAt('detach/')).toEqual({ kept: 'value' });
  });

  test('--ignore-value keeps the value under another lease, and wants a key that is there', async () => {
    await put(etcd, 'ignore/a', 'value');
    const lease = await grant(600);
    expect(await run('put', '--ignore-value', '--lease', lease, url('ignore/a'))).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(await etcd.etcdctl(['lease', 'timetolive', '--keys', lease])).toContain('attached keys([ignore/a])');
    expect(await valuesAt('ignore/')).toEqual({ a: 'value' });
    const { code, stderr } = await run('put', '--ignore-value', url('ignore/none'));
    expect([code, stderr]).toEqual([1, expect.stringContaining('there is no value to keep; put one')]);
    expect(await valuesAt('ignore/')).toEqual({ a: 'value' });
  });
});

/** @returns the lease's id as etcdctl prints it. */
async function grant(seconds: number): Promise<string> {
  const answer = await etcd.etcdctl(['lease', 'grant', String(seconds)]);
  return /^lease (\w+) granted/.exec(answer)?.[1] ?? '';
}

/** Does something while a lease is kept alive, however long a busy machine takes for it. */
async function renewing<T>(lease: string, work: () => Promise<T>): Promise<T> {
  const body = JSON.stringify({ ID: BigInt(`0x${lease}`).toString() });
  const renew = (): Promise<unknown> =>
    fetch(`http://${etcd.endpoint}/v3/lease/keepalive`, { method: 'POST', body }).then((answer) => answer.text());
  const timer = setInterval(() => void renew(), 500);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
