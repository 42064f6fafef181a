import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Adapter, OpenOptions } from '@rollcall/core/adapter';
import { createMemoryAdapter } from '@rollcall/local';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRollcall } from '../src/index.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-library-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** A memory backend under etcd's name, which notes what it was opened with. */
function recordingAdapter(): { adapter: Adapter; opened: OpenOptions[] } {
  const memory = createMemoryAdapter();
  const opened: OpenOptions[] = [];
  const adapter: Adapter = {
    schemes: ['etcd'],
    credentials: ['username', 'password', 'token'],
    parse: (url) => memory.parse(url.replace(/^etcd:\/\//, 'memory:').replace(/\/.*/, '')),
    open: (location, options) => {
      opened.push(options);
      return memory.open(location, { logger: options.logger, timing: options.timing });
    },
  };
  return { adapter, opened };
}

const text = (value: Uint8Array | undefined): string | undefined => value && Buffer.from(value).toString();

describe('createRollcall', () => {
  it('watches a name of a configuration file, rooted at that file', async () => {
    await writeFile(join(folder, 'rollcall.yaml'), 'watches:\n  orders:\n    source: file:./brokers.yaml#broker/\n');
    await writeFile(join(folder, 'brokers.yaml'), 'broker/a: one\nother: two\n');
    await using rollcall = createRollcall({ config: join(folder, 'rollcall.yaml'), env: {} });
    const { entries } = await rollcall.watch('orders').ready();
    expect([...entries].map(([key, { value }]) => [key, text(value)])).toEqual([['a', 'one']]);
  });

  it('swaps to a name, and shows only the difference', async () => {
    await writeFile(join(folder, 'a.yaml'), 'same: "1"\nonly-a: "1"\n');
    await writeFile(join(folder, 'b.yaml'), 'same: "1"\nonly-b: "1"\n');
    const config = { watches: { b: { source: `file:${folder}/b.yaml` } } };
    await using rollcall = createRollcall({ config, env: {} });
    const watcher = rollcall.watch(`file:${folder}/a.yaml`);
    const batches = watcher.batches();
    await batches.next();
    await watcher.swap('b');
    const { value } = await batches.next();
    expect(value.cause).toBe('swap');
    expect(value.changes.map(({ type, key }: { type: string; key: string }) => `${type} ${key}`).sort()).toEqual([
      'delete only-a',
      'put only-b',
    ]);
  });

  it('connects with its options, else the configuration, else the environment', async () => {
    const { adapter, opened } = recordingAdapter();
    const config = { watches: { orders: { source: 'etcd://h/', username: 'app' } } };
    const env = { ROLLCALL_PASSWORD: 'from-env', ROLLCALL_TOKEN: 'from-env' };
    await using rollcall = createRollcall({ config, env, adapters: [adapter] });
    rollcall.watch('orders', { token: 'given' });
    expect(opened[0]).toMatchObject({ username: 'app', password: 'from-env', token: 'given' });
  });

  it('gives no secret of the environment to an adapter that asks for none', async () => {
    const { adapter, opened } = recordingAdapter();
    const mine: Adapter = {
      schemes: ['mine'],
      parse: () => ({ cluster: 'memory:a', target: { prefix: '' } }),
      open: adapter.open,
    };
    const env = { ROLLCALL_USERNAME: 'u', ROLLCALL_PASSWORD: 'p', ROLLCALL_TOKEN: 't', ROLLCALL_CA: '/none.pem' };
    await using rollcall = createRollcall({ env, adapters: [mine] });
    rollcall.watch('mine://h/');
    expect(Object.keys(opened[0] ?? {}).sort()).toEqual(['dials', 'logger', 'timing']);
  });

  it('shares nothing between two instances', async () => {
    await using one = createRollcall({ env: {} });
    await using other = createRollcall({ env: {} });
    const { source } = one.open('memory:a');
    await source.write?.put('key', Buffer.from('1'));
    expect((await one.watch('memory:a').ready()).entries.size).toBe(1);
    expect((await other.watch('memory:a').ready()).entries.size).toBe(0);
  });

  it('says which names there are', async () => {
    await using rollcall = createRollcall({ config: { watches: { orders: { source: 'memory:a' } } }, env: {} });
    expect(() => rollcall.watch('order')).toThrow(
      /"order" is neither a URL nor a known name \(the configuration names orders\)/,
    );
  });

  it('says when the configuration file is not there', () => {
    const config = join(folder, 'none.yaml');
    expect(() => createRollcall({ config })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining(config) }),
    );
  });
});
