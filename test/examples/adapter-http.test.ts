import { cp, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { Registry } from '../../examples/adapter-http/src/registry.js';
import { Program } from '../support/cli.js';
import { temporaryRoot } from '../support/reaper.js';
import { runTool } from '../support/tool.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const EXAMPLE = join(ROOT, 'examples/adapter-http');

vi.setConfig({ testTimeout: 180_000, hookTimeout: 300_000 });

/** An application outside the repository, with everything installed as a user would, from what `npm pack` makes. */
let app: string;
let registry: Registry;

beforeAll(async () => {
  app = await mkdtemp(join(temporaryRoot(), 'app-'));
  const script = join(ROOT, 'scripts/install-into.mjs');
  await runTool(process.execPath, [script, app, EXAMPLE], undefined, { timeoutMs: 280_000 });
  registry = await Registry.start();
});

afterAll(() => registry?.close());

test('the packed adapter passes the conformance suite under node:test', async () => {
  const installed = join(app, 'node_modules/rollcall-adapter-http');
  await cp(join(EXAMPLE, 'test'), join(installed, 'test'), { recursive: true });
  const report = await runTool(process.execPath, ['--test', join(installed, 'test/')], undefined, {
    timeoutMs: 170_000,
  });
  expect(report).toMatch(/^# fail 0$/m);
  expect(Number(/^# pass (\d+)$/m.exec(report)?.[1])).toBeGreaterThan(40);
});

test('rollcall tails it by --adapter, and by a name in rollcall.yaml', async () => {
  registry.write([{ type: 'put', key: 'a/1', value: Buffer.from('one') }]);
  const url = `registry://${registry.endpoint}/a/`;
  const config = join(app, 'rollcall.yaml');
  const watch = `source: ${url}, token: s3cret, adapterOptions: { intervalMs: 50 }`;
  await writeFile(config, `adapters: [rollcall-adapter-http]\nwatches:\n  mine: { ${watch} }\n`);
  const rollcall = join(app, 'node_modules/.bin/rollcall');
  const given = [
    ['tail', '--adapter', `${app}/node_modules/rollcall-adapter-http/src/index.js`, url],
    ['--config', config, 'tail', 'mine'],
  ];
  for (const args of given) {
    await using program = Program.start(rollcall, args);
    await program.untilLine(({ type }) => type === 'synced');
    const value = args.at(-1) ?? '';
    registry.write([{ type: 'put', key: 'a/2', value: Buffer.from(value) }]);
    await program.untilLine((line) => line.key === 'a/2' && line.value === value);
  }
});

test('a package that is not installed, or exports no adapter, is a clear error', async () => {
  const rollcall = join(app, 'node_modules/.bin/rollcall');
  const tail = (name: string) => Program.start(rollcall, ['tail', '--adapter', name, 'mine://h/']);
  await using missing = tail('rollcall-adapter-nowhere');
  expect((await missing.ended).code).toBe(2);
  expect(missing.stderr).toContain('npm install rollcall-adapter-nowhere');
  await using wrong = tail('node:path');
  expect((await wrong.ended).code).toBe(2);
  expect(wrong.stderr).toContain('its default export must be an adapter');
});
