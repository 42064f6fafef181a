import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type JsonLine, Program } from '../support/cli.js';
import { temporaryRoot } from '../support/reaper.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(temporaryRoot(), 'reload-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** As an editor saves. */
async function save(name: string, text: string): Promise<void> {
  await writeFile(join(folder, `${name}.new`), text);
  await rename(join(folder, `${name}.new`), join(folder, name));
}

const synced = ({ type }: JsonLine): boolean => type === 'synced';

function tailOrders(): Program {
  return Program.rollcall(['tail', 'orders', '--config', join(folder, 'rollcall.yaml'), '--log-level', 'info']);
}

test('S66 an edit of the source line moves a running tail, which prints the difference with its new keys', async () => {
  await save('a.yaml', 'a/same: "1"\na/gone: "2"\n');
  await save('b.yaml', 'b/same: "1"\nb/new: "3"\n');
  await save('rollcall.yaml', 'watches:\n  orders:\n    source: file:a.yaml#a/\n');
  await using tail = tailOrders();
  await tail.untilLine(synced);
  await save('rollcall.yaml', 'watches:\n  orders:\n    source: file:b.yaml#b/\n');
  const lines = await tail.untilLine(({ cause }) => cause === 'swap');
  expect(lines.slice(3)).toEqual([
    { type: 'delete', key: 'b/gone', revision: '1', synthetic: true },
    { type: 'put', key: 'b/new', value: '3', revision: '1' },
    { type: 'synced', revision: '1', keys: 2, cause: 'swap' },
  ]);
});

test('SIGHUP reads the configuration again; what cannot be used is refused and the tail goes on', async () => {
  await save('a.yaml', 'k: "1"\n');
  await save('ca.pem', 'one');
  const away = 'source: etcds://127.0.0.1:1/\n    ca: ca.pem\n';
  await save('rollcall.yaml', `watches:\n  orders:\n    source: file:a.yaml\n  away:\n    ${away}`);
  await using tail = tailOrders();
  await tail.untilLine(synced);
  // Nothing in the configuration file itself tells of this.
  await rm(join(folder, 'ca.pem'));
  tail.child.kill('SIGHUP');
  await tail.until(() => tail.stderr.includes('The old configuration stays in force'));
  expect(tail.stderr).toContain('watches.away.ca names a file that cannot be read');
  await save('a.yaml', 'k: "2"\n');
  await tail.untilLine(({ value }) => value === '2');
});
