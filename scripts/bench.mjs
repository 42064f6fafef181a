// @ts-check
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, checkNode, install } from './prepare.mjs';
import { ROOT, runNode } from './run.mjs';

/** @import { Row } from '../test/bench/row.js' */

const NAMES = {
  list: 'a first list of 100,000 keys',
  replay: '100,000 events from a revision on, and 30,000 revisions of one key',
  watches: '1,000 watches: attaching, memory, idle',
  live: 'from a change to its reader',
  'event-loop': 'how long a large first state holds the event loop',
  stalled: 'the memory that a reader costs who has stopped',
  'consul-change': 'one change under 10,000 keys of Consul',
  'consul-hot': 'keys of Consul that change all the time',
  'get-file': 'rollcall get file:…',
  'get-etcd': 'rollcall get etcd://…',
  delta: 'one change of 10,000 and of 1,000,000 held keys',
  collection: 'one change of 10,000 items in six collections',
  gateway: 'examples/gateway, and the same proxy with one fixed upstream',
  collector: 'examples/collector: records in batches, and one at a time',
  'recovery-some': 'live again after an outage: 200 watches',
};
const ALONE = { recovery: 'live again after an outage: 1, 200 and 1,000 watches, three outages; a quarter of an hour' };
const EVERY = { ...NAMES, ...ALONE };

const USAGE = `npm run bench [-- --only NAME] [--json]
Measures with real servers, ours and a peer in turn, at least 7 rounds each, and prints the medians: for people, or with
--json as an array. Without --only it takes up to 20 minutes, and writes docs/benchmarks.md.
Run it on a machine that does nothing else.
${Object.entries(EVERY)
  .map(([name, what]) => `  --only ${name.padEnd(14)} ${what}`)
  .join('\n')}
`;

const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs');
const SERVERS = join(ROOT, 'servers/cli.mjs');
const PAGE = join(ROOT, 'docs/benchmarks.md');
const STDERR = 2;

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop.abort());

try {
  const { values } = parseArgs({
    options: { only: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) process.stdout.write(USAGE);
  else if (values.only !== undefined && !(values.only in EVERY)) {
    process.stderr.write(`There is nothing called "${values.only}" to measure.\n\n${USAGE}`);
    process.exitCode = 2;
  } else {
    const rows = await measure(values.only ?? 'all');
    process.stdout.write(values.json ? `${JSON.stringify(rows, undefined, 2)}\n` : `${tableOf(rows)}\n`);
    if (values.only === undefined) await writeFile(PAGE, await pageOf(rows));
  }
} catch (error) {
  if (!stop.signal.aborted) process.stderr.write(`npm run bench: ${/** @type {Error} */ (error).message}\n`);
  process.exitCode = stop.signal.aborted ? 130 : 1;
}

/**
 * @param {string} what
 * @returns {Promise<Row[]>}
 */
async function measure(what) {
  checkNode();
  await install(stop.signal);
  // Measured is what is built.
  await build(stop.signal);
  const options = { stdout: STDERR, signal: stop.signal };
  await runNode('Getting the servers', SERVERS, ['install', 'etcd', 'consul', 'kafka'], options);
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-bench-'));
  const report = join(folder, 'rows.json');
  Object.assign(process.env, { ROLLCALL_BENCH: what, ROLLCALL_BENCH_REPORT: report });
  try {
    await runNode('The benchmark', VITEST, ['run', 'test/bench', '--disable-console-intercept'], options);
    return JSON.parse(await readFile(report, 'utf8'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * @param {readonly Row[]} rows
 * @returns {string} in Markdown
 */
function tableOf(rows) {
  const lines = rows.map(({ work, metric, ours, peer, peerName, ratio, target, met, spread }) =>
    [
      work,
      metric,
      `${ours} (${spread.ours.join(' to ')})`,
      peerName === null || spread.peer === null ? '' : `${peerName}: ${peer} (${spread.peer.join(' to ')})`,
      ratio ?? '',
      target ?? '',
      met === null ? '' : met ? 'yes' : '**no**',
    ].join(' | '),
  );
  const head = ['work', 'metric', 'Rollcall', 'peer', 'ratio', 'target', 'met'];
  return [head.join(' | '), head.map(() => '---').join(' | '), ...lines].map((line) => `| ${line} |`).join('\n');
}

/**
 * @param {readonly Row[]} rows
 * @returns {Promise<string>}
 */
async function pageOf(rows) {
  const [cpu] = cpus();
  const machine = `${cpus().length} cores (${cpu?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB of memory`;
  const { devDependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  return `# Benchmarks

This page says how fast Rollcall is beside its peers. \`npm run bench\` writes it: do not edit it.

Ours and the peer's are measured in turn on the same real servers, at least 7 rounds each. A figure
is the median, with the lowest and the highest round in brackets. What a target is about stands
before it: the ratio of the medians, ours alone, or the difference.

- Measured: ${new Date().toISOString().slice(0, 10)}
- Machine: ${machine}
- etcd ${await versionOf('etcd')}, Consul ${await versionOf('consul')}, Node ${process.versions.node}, etcd3 ${devDependencies.etcd3}, consul ${devDependencies.consul}
- Command: \`npm run bench\`

${tableOf(rows)}
`;
}

/**
 * Of the server that the tests pin.
 *
 * @param {'etcd' | 'consul'} name
 */
async function versionOf(name) {
  const pins = await readFile(join(ROOT, 'servers', name, 'go.mod'), 'utf8');
  const [, version = ''] = /(?:etcd\/server\/v3|hashicorp\/consul) v([\d.]+)/.exec(pins) ?? [];
  return version;
}
