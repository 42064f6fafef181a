import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createRegistry, type Watcher } from '@rollcall/core';
import type { Adapter, OpenOptions, Source } from '@rollcall/core/adapter';
import { expect, test } from 'vitest';
import { Registry } from '../../examples/adapter-http/src/registry.js';
import { mutants } from '../conformance/mutants/mutants.js';
import { blocksOf, ROOT } from './blocks.js';

const blocks = (await blocksOf('docs/adapters.md')).filter(({ language }) => language === 'js');
const whole = blocks.find(({ text }) => text.startsWith('// index.js'))?.text ?? '';
const [watching = '', helpers = ''] = blocks
  .filter(({ text }) => /^class RegistrySource|^const eventOf/m.test(text))
  .map(({ text }) => text);

/** A module of the page, where `@rollcall/core` is what a bare import finds. */
async function load<T>(text: string): Promise<T> {
  const file = join(ROOT, 'test/docs', `.page-${process.pid}-${text.length}.mjs`);
  await writeFile(file, text);
  try {
    return await import(/* @vite-ignore */ pathToFileURL(file).href);
  } finally {
    await import('node:fs/promises').then(({ rm }) => rm(file));
  }
}

/** For a failure to say which change did not come; the second try of an attempt may wait for a second. */
const PATIENCE = { timeout: 20_000 };

const textsOf = (watcher: Watcher) =>
  Object.fromEntries(
    Array.from(watcher.snapshot?.entries ?? [], ([key, { value }]) => [key, Buffer.from(value).toString()]),
  );

test('the polling adapter of the page follows a registry', async () => {
  const { default: adapter } = await load<{ default: Adapter }>(whole);
  const registry = await Registry.start();
  await using rollcall = createRegistry({ adapters: [adapter] });
  registry.write([{ type: 'put', key: 'a/1', value: Buffer.from('one') }]);
  const watcher = rollcall.watch(`mine://${registry.endpoint}/a/`, { adapterOptions: { intervalMs: 20 }, token: 't' });
  await watcher.ready({ fresh: true });
  expect(textsOf(watcher)).toEqual({ 1: 'one' });
  registry.write([
    { type: 'delete', key: 'a/1' },
    { type: 'put', key: 'a/2', value: Buffer.from('two') },
  ]);
  await expect.poll(() => textsOf(watcher), PATIENCE).toEqual({ 2: 'two' });
  await rollcall.close();
  await registry.close();
});

test('the watching source of the page follows a stream of changes', async () => {
  const streams: ServerResponse[] = [];
  const server = createServer((request, response) => {
    if (request.url === '/keys') response.end(JSON.stringify({ revision: 7, keys: { 'a/1': 'b25l', b: '' } }));
    else streams.push(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const source = await load<{ open: (endpoint: string, options: OpenOptions) => Source }>(`
${/^const isTexts[\s\S]*?;\n/m.exec(whole)?.[0]}
${watching}
${helpers}
export const open = (endpoint, options) => new RegistrySource(endpoint, options);
`);
  const adapter: Adapter = {
    schemes: ['mine'],
    parse: () => ({ cluster: 'mine', target: { prefix: 'a/' } }),
    open: (_, options) => source.open(endpoint, options),
  };
  await using rollcall = createRegistry({ adapters: [adapter] });
  const watcher = rollcall.watch('mine:');
  await watcher.ready({ fresh: true });
  expect(textsOf(watcher)).toEqual({ 1: 'one' });
  await expect.poll(() => streams.length, PATIENCE).toBe(1);
  streams[0]?.write('{"revision":8,"key":"b","value":null}\n\n{"revision":9,"key":"a/2","value":"dHdv"}\n');
  await expect.poll(() => textsOf(watcher), PATIENCE).toEqual({ 1: 'one', 2: 'two' });
  streams[0]?.write('{"revision":10,"key":"a/1","value":null}\n');
  await expect.poll(() => textsOf(watcher), PATIENCE).toEqual({ 2: 'two' });
  expect(watcher.snapshot?.revision).toBe('10');
  const codes: string[] = [];
  watcher.onStatus((status) => 'code' in status && status.code && codes.push(status.code));
  streams[0]?.write('{"revision":11}\n');
  await expect.poll(() => streams.length, PATIENCE).toBe(2);
  expect(codes).toEqual(['BAD_RESPONSE']);
  server.closeAllConnections();
  await expect.poll(() => codes, PATIENCE).toEqual(['BAD_RESPONSE', 'UNREACHABLE']);
  await expect.poll(() => streams.length, PATIENCE).toBe(3);
  streams[2]?.end('<html>no line break</html>');
  await expect.poll(() => codes, PATIENCE).toEqual(['BAD_RESPONSE', 'UNREACHABLE', 'BAD_RESPONSE']);
  server.close();
  server.closeAllConnections();
});

test('the page counts the mutants right, and the README too', async () => {
  for (const file of ['docs/adapters.md', 'README.md']) {
    const text = (await readFile(join(ROOT, file), 'utf8')).replace(/\s+/g, ' ');
    expect(text).toMatch(new RegExp(`${mutants.length} (bad adapters|adapters that are wrong)`));
  }
});
