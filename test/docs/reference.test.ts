import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createProgram } from '../../packages/cli/src/program.js';
import { BROKERS_KEYS } from '../../packages/rollcall/src/config/brokers.js';
import { WATCH_KEYS } from '../../packages/rollcall/src/config/config.js';
import { ROOT } from './blocks.js';

type Command = ReturnType<typeof createProgram>;

const cli = await readFile(join(ROOT, 'docs/cli.md'), 'utf8');
const config = await readFile(join(ROOT, 'docs/config.md'), 'utf8');

/** The text under a heading, up to the next of the same rank or a higher one. */
function section(text: string, heading: string): string {
  const [, marks = ''] = /^(#+) /.exec(heading) ?? [];
  const from = text.indexOf(`\n${heading}`);
  expect(from, heading).toBeGreaterThan(0);
  const rest = text.slice(from + 1 + heading.length);
  const end = rest.search(new RegExp(`^#{1,${marks.length}} `, 'm'));
  return end < 0 ? rest : rest.slice(0, end);
}

/** What stands in backticks in the first column of its tables. */
function firstColumn(text: string): string[] {
  const cells = [...text.matchAll(/^\| ([^|]*) \|/gm)].map(([, cell = '']) => cell);
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name));
}

describe('docs/cli.md', () => {
  const sink = { write: () => true };
  const program = createProgram({ stdout: sink, stderr: sink, env: {} } as never);
  const flagsOf = (command: Command): string[] => command.options.flatMap(({ long }) => (long ? [long] : [])).sort();
  const named = (text: string): string[] =>
    firstColumn(text)
      .flatMap((cell) => /^--[a-z-]+/.exec(cell)?.[0] ?? [])
      .sort();

  test('has the flags of every command', () => {
    const flags = named(section(cli, '## Flags of every command'));
    expect(flags).toEqual([...flagsOf(program), '--help'].sort());
  });

  const leaves = program.commands.flatMap((command) =>
    command.commands.length === 0
      ? [[command.name(), command] as const]
      : command.commands.map((each) => [`${command.name()} ${each.name()}`, each] as const),
  );
  test.each(leaves)('has the flags of %s, and no others', (name, command) => {
    expect(named(section(cli, `### ${name}`))).toEqual(flagsOf(command));
  });

  test('has no other command', () => {
    const headings = [...section(cli, '## Commands').matchAll(/^### ([a-z ]+)/gm)].map(([, name = '']) => name.trim());
    expect(headings.sort()).toEqual(leaves.map(([name]) => name).sort());
  });

  test('has every type of JSON line that the sources write', async () => {
    const files = [
      'output/jsonLines',
      'output/differences',
      'commands/delete',
      'commands/diff',
      'commands/put',
      'commands/relay',
      'commands/config',
      'commands/mirror',
    ];
    const sources = await Promise.all(files.map((file) => readFile(join(ROOT, `packages/cli/src/${file}.ts`), 'utf8')));
    const written = new Set(
      sources.flatMap((text) => [...text.matchAll(/\btype: '([a-z]+)'/g)].map(([, type = '']) => type)),
    );
    expect(firstColumn(section(cli, '## JSON lines')).sort()).toEqual([...written].sort());
  });
});

describe('docs/config.md', () => {
  test('has every key of a watch, of its brokers, and at the top', () => {
    expect(firstColumn(section(config, '### Each watch')).sort()).toEqual([...WATCH_KEYS].sort());
    expect(firstColumn(section(config, '### brokers')).sort()).toEqual([...BROKERS_KEYS].sort());
    expect(firstColumn(section(config, '### At the top')).sort()).toEqual(['adapters', 'watches']);
  });

  test('has every environment variable that the sources read', async () => {
    const files = [
      'cli/src/options/kafkaSecurity',
      'cli/src/session/session',
      'cli/src/output/style',
      'rollcall/src/config/environment',
    ];
    const sources = await Promise.all(files.map((file) => readFile(join(ROOT, `packages/${file}.ts`), 'utf8')));
    const read = new Set(
      sources.flatMap((text) => text.match(/\b(?:ROLLCALL|ETCDCTL|CONSUL_HTTP)_[A-Z_]*[A-Z]\b|\bNO_COLOR\b/g) ?? []),
    );
    expect(firstColumn(section(config, '## The environment')).sort()).toEqual([...read].sort());
  });
});
