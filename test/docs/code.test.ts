import { mkdir, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { beforeAll, describe, expect, test } from 'vitest';
import { createProgram } from '../../packages/cli/src/program.js';
import { parseConfig } from '../../packages/rollcall/src/config/config.js';
import { Program } from '../support/cli.js';
import { temporaryRoot } from '../support/reaper.js';
import { type Block, blocksOf, pages, ROOT } from './blocks.js';

const BROKERS = 'broker/kafka/10.0.0.1:9092: ""\nbroker/kafka/10.0.0.2:9092: ""\n';

/** Needs a Kafka client and real servers: run by test/live/readme.test.ts and test/reliability/readme-clients.test.ts. */
const WITH_KAFKA = /from '(kafkajs|@platformatic\/kafka|@confluentinc\/kafka-javascript)'/;
/** Run by test/docs/adapters.test.ts. */
const OF_AN_ADAPTER = 'docs/adapters.md';

const all = (await Promise.all((await pages()).map(blocksOf))).flat();
const has = (language: string) => (block: Block) => block.language === language;

/** A folder of a program, in which Rollcall is installed. */
async function folderOf(): Promise<string> {
  const folder = await mkdtemp(join(temporaryRoot(), 'docs-'));
  const modules = join(folder, 'node_modules');
  await mkdir(join(modules, '@rollcall'), { recursive: true });
  await mkdir(join(modules, '.bin'));
  await symlink(join(ROOT, 'packages/rollcall'), join(modules, 'rollcall'));
  await symlink(join(ROOT, 'packages/balancer'), join(modules, '@rollcall/balancer'));
  await symlink(join(ROOT, 'node_modules/zod'), join(modules, 'zod'));
  await symlink(join(ROOT, 'packages/cli/bin/rollcall.js'), join(modules, '.bin/rollcall'));
  return folder;
}

async function shell(folder: string, script: string) {
  const path = `${join(folder, 'node_modules/.bin')}:${process.env.PATH}`;
  await using program = Program.start('bash', ['-c', `cd ${folder}; ${script}`], { PATH: path });
  const { code } = await program.ended;
  return { code, stdout: program.stdout, stderr: program.stderr };
}

test('every block is of a language that is run here', () => {
  expect([...new Set(all.map(({ language }) => language))].sort()).toEqual(['', 'js', 'json', 'sh', 'yaml']);
});

describe('README, in an empty folder', () => {
  const [install, run, tail] = all.filter(({ file, language }) => file === 'README.md' && language === 'sh');
  const [yaml] = all.filter(({ file, language }) => file === 'README.md' && language === 'yaml');
  const [program] = all.filter(({ file, language }) => file === 'README.md' && language === 'js');
  const [lists, lines] = all.filter(({ file, language }) => file === 'README.md' && language === '');
  let folder: string;
  beforeAll(async () => {
    folder = await folderOf();
    await writeFile(join(folder, 'brokers.yaml'), yaml?.text ?? '');
    await writeFile(join(folder, 'orders.mjs'), program?.text ?? '');
  });

  test('the program and the command print what stands below them', async () => {
    expect(await shell(folder, run?.text ?? '')).toEqual({ code: 0, stdout: lists?.text, stderr: '' });
    expect(await shell(folder, (tail?.text ?? '').replace('npx ', ''))).toEqual({
      code: 0,
      stdout: lines?.text,
      stderr: '',
    });
  });

  test('its scripts are scripts of package.json', async () => {
    const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
    const text = await readFile(join(ROOT, 'README.md'), 'utf8');
    const named = [...text.matchAll(/npm (?:run )?(start|test|[a-z:-]+)(?= |`|\n)/g)].map(([, name = '']) => name);
    expect(named.length).toBeGreaterThan(5);
    for (const name of named.filter((each) => each !== 'is')) expect(Object.keys(scripts)).toContain(name);
    // test/examples/adapter-http.test.ts runs this one.
    expect(install?.text).toBe('mkdir -p ../my-app && npm run install-into -- ../my-app\n');
  });
});

describe('a program, or a part of one', () => {
  const programs = all.filter(has('js')).filter(({ file, text }) => file.startsWith('docs/') && !WITH_KAFKA.test(text));
  test.each(programs.filter(({ file }) => file !== OF_AN_ADAPTER))('$name', async ({ text }) => {
    const folder = await folderOf();
    await writeFile(join(folder, 'brokers.yaml'), BROKERS);
    const routes = { routes: { shop: { uri: '/shop', upstream_id: 'u1' } } };
    const upstreams = { u1: { nodes: [{ host: 'n1', port: 80, weight: 1 }] } };
    await writeFile(
      join(folder, 'apisix.yaml'),
      `routes/shop: ${JSON.stringify(routes.routes.shop)}\nupstreams/u1: ${JSON.stringify(upstreams.u1)}\n`,
    );
    await writeFile(join(folder, 'program.mjs'), wholeProgram(text));
    expect(await shell(folder, 'node program.mjs')).toMatchObject({ code: 0, stderr: '' });
  });
});

/** A part of a program, with what the page had made before it, on a file in place of a server. */
function wholeProgram(text: string): string {
  const ownImports = text.match(/^import .*$/gm) ?? [];
  const body = text
    .replace(/^import .*$/gm, '')
    .replace('etcd://127.0.0.1:2379//apisix/', 'file:./apisix.yaml')
    // What no test has: a Kafka of that cluster, with logins.
    .replace(/^ {2}(clusterId|probe|tls|sasl|listener):.*$/gm, '');
  const declares = (name: string): boolean => new RegExp(`(const|let) ${name} =`).test(body);
  const before = [
    declares('rollcall') ? '' : 'const rollcall = createRollcall();',
    declares('watcher') ? '' : "const watcher = rollcall.watch('file:./brokers.yaml#broker/kafka/');",
    declares('brokers') || !/\bbrokers\b/.test(body) ? '' : 'const brokers = brokerList(watcher);',
    'class Producer {}',
  ];
  const imported = ownImports.join('\n');
  const missing = ['brokerList', 'createRelay', 'createRollcall'].filter(
    (name) => !new RegExp(`\\b${name}\\b`).test(imported),
  );
  return [
    imported,
    `import { ${missing.join(', ')} } from 'rollcall';`,
    ...before,
    body,
    'await watcher.ready();',
    'await rollcall.close();',
  ].join('\n');
}

describe('a configuration', () => {
  const inputs = {
    env: { ETCD_PASSWORD: 'x', MINE_TOKEN: 'x' },
    readFile: () => 'pem',
    checkUrl: () => {},
    loadAdapters: () => [],
  };
  test.each(all.filter(has('yaml')).filter(({ file }) => file !== 'README.md'))('$name', ({ text }) => {
    expect(parseConfig(text, 'rollcall.yaml', inputs).watches.size).toBeGreaterThan(0);
  });
});

describe('JSON', () => {
  test.each(all.filter(has('json')))('$name', ({ text }) => {
    expect(() => JSON.parse(text)).not.toThrow();
  });

  test.each(all.filter(({ language, file }) => language === '' && file === 'docs/cli.md'))(
    'lines: $name',
    ({ text }) => {
      for (const line of text.trimEnd().split('\n')) expect(JSON.parse(line)).toHaveProperty('type');
    },
  );
});

describe('a command line', () => {
  const lines = all
    .filter(has('sh'))
    .flatMap(({ name, text }) => text.split('\n').map((line) => ({ name, line: line.replace(/\s+#.*$/, '') })));
  const commands = lines.filter(({ line }) => /(^|\s)rollcall /.test(line));
  test.each(commands.filter(({ line }) => !line.startsWith('npx')))('$line ($name)', async ({ line }) => {
    // Parsed as the program parses it, and ended before it connects to anybody.
    const args = (line.split(/(?:^|\s)rollcall /)[1] ?? '').split(/[|&]/)[0]?.trim().split(/\s+/) ?? [];
    const sink = () => new Writable({ write: (_chunk, _encoding, done) => done() });
    const io = { stdin: process.stdin, stdout: sink(), stderr: sink(), env: {}, signal: AbortSignal.abort() };
    const program = createProgram(io as never);
    const error = await program
      .parseAsync(['--timeout', '1ms', ...args.map((arg) => arg.replace(/^"(.*)"$/, '$1'))], { from: 'user' })
      .catch((thrown: unknown) => thrown);
    // commander's own errors are those of a command line that it does not understand.
    expect(String((error as { code?: string } | undefined)?.code)).not.toMatch(/^commander\./);
  });

  test('every npm script that a page names is there', async () => {
    const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
    const named = lines.flatMap(({ line }) => /^npm run (?:-s )?([\w:-]+)/.exec(line)?.[1] ?? []);
    for (const name of named) expect(Object.keys(scripts)).toContain(name);
  });
});
