import { mkdtemp, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Batch, createRollcall, type Watcher } from 'rollcall';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Consul, startConsul } from '../support/consul.js';
import { type Etcd, startEtcd } from '../support/etcd.js';
import { temporaryRoot } from '../support/reaper.js';

type Content = Readonly<Record<string, string>>;

/** A place that can be filled by a foreign hand. */
interface Place {
  readonly url: string;
  fill(content: Content): Promise<void>;
}

let etcd: Etcd;
let consul: Consul;
let folder: string;

beforeAll(async () => {
  [etcd, consul, folder] = await Promise.all([
    startEtcd(),
    startConsul(),
    mkdtemp(join(temporaryRoot(), 'swap-matrix-')),
  ]);
});

afterAll(async () => {
  await Promise.all([etcd[Symbol.asyncDispose](), consul[Symbol.asyncDispose]()]);
});

/** Writes what is new or different, as somebody would who changes one key: the others are left alone. */
function writing(write: (key: string, value: string) => Promise<unknown>): Place['fill'] {
  const written: Record<string, string> = {};
  return async (content) => {
    for (const [key, value] of Object.entries(content)) {
      if (written[key] !== value) await write(key, value);
      written[key] = value;
    }
  };
}

/** Each backend under a prefix of the test's own; etcd's and the file's have a leading slash, Consul's cannot. */
const PLACES: Readonly<Record<string, (name: string) => Place>> = {
  etcd: (name) => ({
    url: `etcd://${etcd.endpoint}//${name}/`,
    fill: writing((key, value) => etcd.etcdctl(['put', `/${name}/${key}`, value])),
  }),
  consul: (name) => ({
    url: `consul://${consul.endpoint}/${name}/`,
    fill: writing((key, body) => consul.http(`/v1/kv/${name}/${key}`, { method: 'PUT', body })),
  }),
  file: (name) => ({
    url: `file:${join(folder, name)}.json#/${name}/`,
    fill: async (content) => {
      const path = join(folder, `${name}.json`);
      const whole = Object.fromEntries(Object.entries(content).map(([key, value]) => [`/${name}/${key}`, value]));
      await writeFile(`${path}.new`, JSON.stringify(whole));
      await rename(`${path}.new`, path);
    },
  }),
};

const DIRECTIONS = Object.keys(PLACES).flatMap((from) =>
  Object.keys(PLACES).flatMap((to) => (from === to ? [] : [{ from, to }])),
);

function place(backend: string, name: string): Place {
  const make = PLACES[backend];
  if (make === undefined) throw new Error(`no such backend: ${backend}`);
  return make(name);
}

const content = ({ snapshot }: Watcher): Content =>
  Object.fromEntries([...(snapshot?.entries ?? [])].map(([key, { value }]) => [key, Buffer.from(value).toString()]));

const told = ({ changes }: Batch): string[] => changes.map(({ type, key }) => `${type} ${key}`).sort();

async function next(batches: AsyncIterator<Batch>): Promise<Batch> {
  const { value, done } = await batches.next();
  if (done) throw new Error('the reader ended');
  return value;
}

test.each(DIRECTIONS)(
  'S66 $from to $to: the same content is no change; other content is exactly the difference',
  async (way) => {
    const name = `${way.from}-to-${way.to}`;
    const from = place(way.from, `from-${name}`);
    const same = place(way.to, `same-${name}`);
    const other = place(way.to, `other-${name}`);
    const held = { '10.0.0.1:9092': '', 'a/b': 'one' };
    await Promise.all([from.fill(held), same.fill(held), other.fill({ 'a/b': 'uno', new: 'three' })]);
    await using rollcall = createRollcall({ env: {} });
    const watcher = rollcall.watch(from.url);
    const batches = watcher.batches();
    expect(told(await next(batches))).toEqual(['put 10.0.0.1:9092', 'put a/b']);
    await watcher.swap(same.url);
    expect(watcher.version).toBe(1);
    expect(content(watcher)).toEqual(held);
    // A change in the new backend is told as one, by the reader that never noticed the swap.
    await same.fill({ ...held, 'a/b': 'eins' });
    expect(await next(batches)).toMatchObject({ cause: 'delta', changes: [{ type: 'put', key: 'a/b' }] });
    await watcher.swap(other.url);
    const batch = await next(batches);
    expect(batch.cause).toBe('swap');
    expect(told(batch)).toEqual(['delete 10.0.0.1:9092', 'put a/b', 'put new']);
    expect(content(watcher)).toEqual({ 'a/b': 'uno', new: 'three' });
  },
);
