import { access, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isDeepStrictEqual, stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { Program } from '../support/cli.js';
import { runTool } from '../support/tool.js';

const START = ['scripts/start.mjs'];
/** The demonstration takes about 20 s on a terminal. */
const LONG_MS = 90_000;

const FIRST = ['10.0.0.1:9092', '10.0.0.2:9092', '10.0.0.3:9092'];
const WITH_JOINED = [...FIRST, '10.0.0.4:9092'];
const WITH_FLAPPING = [...WITH_JOINED, '10.0.0.5:9092'];

function fileOf(program: Program): string {
  const { type, file } = program.lines[0] ?? {};
  if (type !== 'demo' || typeof file !== 'string') throw new Error(`No demo line: ${program.stdout}`);
  return file;
}

/**
 * Each once. The flapping key is one change while the machine keeps up; one that stalls for longer than the quiet
 * period tells it again, and that is right too.
 */
function distinct<T>(items: readonly T[]): T[] {
  return items.filter((item, at) => items.findIndex((other) => isDeepStrictEqual(item, other)) === at);
}

/** What git would tell of this repository. */
function changesOfRepository(): Promise<string> {
  return runTool('git', ['status', '--porcelain']);
}

describe('npm start without a terminal', () => {
  test('prints where the file is, then what `rollcall brokers` prints, and ends', async () => {
    const before = await changesOfRepository();
    await using start = Program.start('npm', ['start']);
    expect(await start.ended).toEqual({ code: 0, signal: null });
    const lists = start.lines.slice(1);
    expect(lists.map(({ type }) => type)).toEqual(lists.map(() => 'brokers'));
    expect(distinct(lists.map(({ brokers }) => brokers))).toEqual([
      FIRST,
      WITH_JOINED,
      WITH_FLAPPING,
      // Neither the bad entry nor the emptied file nor the swaps changed anything: next, all moved at once.
      WITH_FLAPPING.map((address) => address.replace('10.0.0.', '10.0.9.')),
    ]);
    await expect(access(dirname(fileOf(start)))).rejects.toThrow('ENOENT');
    expect(await changesOfRepository()).toBe(before);
  });

  test('goes on with --stay, follows edits of the file, and ends as asked', async () => {
    await using start = Program.start(process.execPath, [...START, '--stay']);
    await start.until(() => start.stderr.includes('Your turn'));
    const file = fileOf(start);
    const text = await readFile(file, 'utf8');
    await writeFile(`${file}.new`, `${text}broker/kafka/edited.example: ""\n`);
    await rename(`${file}.new`, file);
    await start.untilLine(({ brokers }) => Array.isArray(brokers) && brokers.includes('edited.example:9092'));
    const { code, ms } = await start.end('SIGINT');
    expect(code).toBe(0);
    expect(ms).toBeLessThan(1000);
    await expect(access(file)).rejects.toThrow('ENOENT');
  });

  test('ends with exit code 2 and says why when it is called wrongly', async () => {
    await using start = Program.start(process.execPath, [...START, '--sty']);
    expect(await start.ended).toEqual({ code: 2, signal: null });
    expect(start.stderr).toContain("npm start: Unknown option '--sty'");
    expect(start.stderr).toContain('npm start [-- --stay]');
  });
});

/** util-linux's `script` and macOS's take other arguments; only the first is used here. */
const hasScript = await runTool('script', ['--version']).then(
  (version) => version.includes('util-linux'),
  () => false,
);

describe.skipIf(!hasScript)('npm start on a terminal (needs `script` of util-linux)', () => {
  test('plays its story, hands over, and ends with Ctrl-C', { timeout: LONG_MS }, async () => {
    const command = `stty cols 80 rows 40; exec ${process.execPath} ${START.join(' ')}`;
    await using start = Program.start('script', ['-qec', command, '/dev/null'], { TERM: 'xterm' });
    const screen = (): string => stripVTControlCharacters(start.stdout);
    await start.until(() => screen().includes('Ctrl-C ends this.'));
    // Events, without their time; a line that another took the place of is left out.
    const events = screen()
      .split('\n')
      .map((line) => line.split('\r').findLast((part) => part !== '') ?? '')
      .filter((line) => /^ +\d+\.\d s /.test(line))
      .map((line) =>
        line
          .replace(/^ +\d+\.\d s +/, '')
          .trimEnd()
          .replace(/ {2,}/g, '  '),
      );
    expect(distinct(events.filter((event) => !/^- left {2}10\.0\.0\.5/.test(event)))).toEqual([
      '● live  10.0.0.1:9092 10.0.0.2:9092 10.0.0.3:9092  3 brokers',
      '+ joined  10.0.0.4:9092  4 brokers',
      '+ joined  10.0.0.5:9092  5 brokers',
      expect.stringMatching(/^= counted {2}15 edits, \d+ seen, \d+ changes? of the list/),
      '! quarantine broker/kafka/10.0.0.6:99092  5 brokers',
      '✓ cleared  broker/kafka/10.0.0.6:99092  5 brokers',
      '! stale  UNREADABLE  5 brokers kept',
      expect.stringMatching(/^● live {2}after \d+\.\d s, 0 changes {2}5 brokers/),
      '~ moved  10.0.9.1:9092 10.0.9.2:9092 and 3 more  5 brokers',
      '= swapped  file to memory: 0 changes  5 brokers',
      '= swapped  memory to file: 0 changes  5 brokers',
    ]);
    for (const line of screen().split(/[\r\n]+/)) expect(line.length).toBeLessThanOrEqual(80);
    start.child.stdin.write('\x03');
    expect(await start.ended).toEqual({ code: 0, signal: null });
  });
});
