// @ts-check
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, checkNode, install } from './prepare.mjs';
import { ROOT, runNode } from './run.mjs';

const USAGE = `npm run chaos -- etcd|consul [--seed N] [--minutes M] [--version V] [--through T] [--control]
Breaks a real cluster at random while it is written to and watched, and compares what the watchers say with what the
servers say.
  --seed N     a whole number; the same one makes the same faults (default: drawn)
  --minutes M  how long; and until every kind of fault has happened (default: 5)
  --version V  of etcd: 3.5, 3.6 or 3.7 (default: 3.6)
  --through T  watches through what stands between: grpc-proxy or balancer for etcd; agent for Consul, with
               discovery_max_stale set on the agent
  --control    watches with etcd3's or consul's own watcher instead, which must be found out

npm run chaos -- kafka [--scenario K03] [--client kafkajs] [--repeats N]
Moves, kills and hides three real brokers while producers write to them, and compares what those were told with what the
brokers hold. It compiles Confluent's client once, which takes a C++ compiler and two minutes. All of
it is also consumers, admin clients, node-rdkafka, which is compiled too, and kcat (apt-get install kcat).
  --scenario S  only this one; may be given several times (default: all)
  --client C    only this one, kafkajs, platformatic or confluent; may be given several times (default: all);
                java, python or go: a producer in that language behind a relay, in K03 alone
  --repeats N   of each scenario (default: 2)

Progress goes to standard error, one line of JSON to standard output.
`;

const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs');
const SERVERS = join(ROOT, 'servers/cli.mjs');
const STDERR = 2;
/** What a shell says of a program that was interrupted. */
const INTERRUPTED = 130;
const MOST_SEED = 2 ** 32 - 1;

/** Each backend's test, and the servers it needs by version; the first is the default. */
const BACKENDS = {
  etcd: {
    test: 'test/chaos/etcd.test.ts',
    servers: { 3.6: 'etcd', 3.5: 'etcd-3.5', 3.7: 'etcd-3.7' },
    through: { test: 'test/chaos/etcd-through.test.ts', ways: ['grpc-proxy', 'balancer'] },
  },
  consul: {
    test: 'test/chaos/consul.test.ts',
    servers: { 1.22: 'consul' },
    through: { test: 'test/chaos/consul-through.test.ts', ways: ['agent'] },
  },
};
/** Its scenarios are fixed: what is random is when, in the midst of what a producer does, they strike. */
const KAFKA = { test: 'test/reliability/kafka.test.ts', servers: ['etcd', 'kafka'] };
/** With consumers and node-rdkafka, kcat before a relay, and README's other examples. */
const ALL_OF_KAFKA = 'test/reliability/';
/** Producers in other languages, which a relay leads. */
const LANGUAGES = ['java', 'python', 'go'];
const LANGUAGE_TEST = 'test/reliability/languages.test.ts';
/** Options by what they are for; `help` is for both. */
const OF_KAFKA = ['scenario', 'client', 'repeats'];
const OF_BACKENDS = ['seed', 'minutes', 'version', 'through', 'control'];

class UsageError extends Error {}

/**
 * @typedef {object} Run
 * @property {string} test
 * @property {readonly string[]} servers
 * @property {string} what in words
 * @property {Readonly<Record<string, string>>} env how the test is told
 */

const stop = new AbortController();
// The tests hear of Ctrl-C themselves, and their servers die with them.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop.abort());

try {
  const run = parse(process.argv.slice(2));
  if (run === undefined) process.stdout.write(USAGE);
  else await chaos(run);
} catch (error) {
  const { message } = /** @type {Error} */ (error);
  if (stop.signal.aborted) process.exitCode = INTERRUPTED;
  else {
    process.stderr.write(`npm run chaos: ${message}\n${error instanceof UsageError ? USAGE : ''}`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}

/**
 * @param {Run} run
 */
async function chaos({ test, servers, what, env }) {
  checkNode();
  await install(stop.signal);
  // Producers are processes, on what is built.
  await build(stop.signal);
  const options = { stdout: STDERR, signal: stop.signal };
  await runNode('Getting the servers', SERVERS, ['install', ...servers], options);
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-chaos-'));
  const report = join(folder, 'report.json');
  Object.assign(process.env, env, { ROLLCALL_CHAOS_REPORT: report });
  try {
    process.stderr.write(`${what}\n`);
    await runNode('The chaos run', VITEST, ['run', test, '--disable-console-intercept'], options);
  } finally {
    process.stdout.write(await readFile(report, 'utf8').catch(() => ''));
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * @param {string[]} args
 * @returns {Run | undefined} undefined when help was asked for
 * @throws {UsageError}
 */
function parse(args) {
  const { positionals, values } = parsed(args);
  if (values.help) return undefined;
  const [name, ...more] = positionals;
  const names = [...Object.keys(BACKENDS), 'kafka'];
  if (name === undefined) throw new UsageError(`which one? ${names.join(', ')}`);
  if (more.length > 0) throw new UsageError(`one at a time, not also ${more.join(' ')}`);
  if (!names.includes(name)) throw new UsageError(`there is no chaos for "${name}", only for ${names.join(', ')}`);
  const foreign = (name === 'kafka' ? OF_BACKENDS : OF_KAFKA).find((option) => option in values);
  if (foreign !== undefined) throw new UsageError(`--${foreign} is not for ${name}`);
  return name === 'kafka' ? ofKafka(values) : ofBackend(name, values);
}

/**
 * @param {Values} values
 * @returns {Run}
 */
function ofKafka({ scenario = [], client = [], repeats = '2' }) {
  if (!/^[1-9]\d{0,3}$/.test(repeats)) throw new UsageError(`--repeats is a number from 1, not "${repeats}"`);
  const languages = client.filter((name) => LANGUAGES.includes(name));
  if (languages.length > 0) return ofLanguages(languages, { scenario, client, repeats });
  return {
    ...KAFKA,
    ...(scenario.length + client.length === 0 ? { test: ALL_OF_KAFKA } : {}),
    what: `Chaos: ${scenario.join(', ') || 'all scenarios'}, ${client.join(', ') || 'all clients'}, ${repeats} times.`,
    env: {
      ROLLCALL_CHAOS_SCENARIOS: scenario.join(),
      ROLLCALL_CHAOS_CLIENTS: client.join(),
      ROLLCALL_CHAOS_REPEATS: repeats,
    },
  };
}

/**
 * @param {readonly string[]} languages
 * @param {{ scenario: readonly string[], client: readonly string[], repeats: string }} values
 * @returns {Run}
 */
function ofLanguages(languages, { scenario, client, repeats }) {
  if (languages.length < client.length)
    throw new UsageError(`${LANGUAGES.join(', ')} run apart from the other clients`);
  if (scenario.some((name) => name !== 'K03')) throw new UsageError(`${languages.join(', ')}: there is K03 only`);
  return {
    ...KAFKA,
    test: LANGUAGE_TEST,
    what: `Chaos: K03 with a producer in ${languages.join(', ')}, ${repeats} moves.`,
    env: { ROLLCALL_CHAOS_LANGUAGES: languages.join(), ROLLCALL_CHAOS_REPEATS: repeats },
  };
}

/**
 * @param {string} name
 * @param {Values} values
 * @returns {Run}
 */
function ofBackend(name, values) {
  const backend = BACKENDS[/** @type {keyof typeof BACKENDS} */ (name)];
  const [newest = ''] = Object.keys(backend.servers);
  const version = values.version ?? newest;
  const server = Object.entries(backend.servers).find(([each]) => each === version)?.[1];
  if (server === undefined) {
    const versions = Object.keys(backend.servers).join(', ');
    throw new UsageError(`--version is one of ${versions}, not "${version}"`);
  }
  const { through } = values;
  if (through !== undefined && !backend.through.ways.includes(through)) {
    throw new UsageError(`--through is ${backend.through.ways.join(' or ')} for ${name}, not "${through}"`);
  }
  const seed = seedOf(values.seed);
  const minutes = minutesOf(values.minutes);
  return {
    test: through === undefined ? backend.test : backend.through.test,
    servers: [server],
    what: `Chaos with seed ${seed} for ${minutes} min${through === undefined ? '' : ` through ${through}`}.`,
    env: {
      ROLLCALL_CHAOS_SEED: String(seed),
      ROLLCALL_CHAOS_MINUTES: String(minutes),
      ROLLCALL_CHAOS_VERSION: version,
      ...(through === undefined ? {} : { ROLLCALL_CHAOS_THROUGH: through }),
      ...(values.control ? { ROLLCALL_CHAOS_CONTROL: '1' } : {}),
    },
  };
}

/** @typedef {ReturnType<typeof parsed>['values']} Values */

/** @param {string[]} args */
function parsed(args) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        seed: { type: 'string' },
        minutes: { type: 'string' },
        version: { type: 'string' },
        through: { type: 'string' },
        control: { type: 'boolean' },
        scenario: { type: 'string', multiple: true },
        client: { type: 'string', multiple: true },
        repeats: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new UsageError(/** @type {Error} */ (error).message);
  }
}

/** @param {string | undefined} text */
function seedOf(text) {
  if (text === undefined) return Math.floor(Math.random() * MOST_SEED);
  const seed = Number(text);
  if (/^\d+$/.test(text) && seed <= MOST_SEED) return seed;
  throw new UsageError(`--seed is a whole number up to ${MOST_SEED}, not "${text}"`);
}

/** @param {string | undefined} text */
function minutesOf(text = '5') {
  const minutes = Number(text);
  if (text.trim() !== '' && Number.isFinite(minutes) && minutes > 0) return minutes;
  throw new UsageError(`--minutes is a number above 0, not "${text}"`);
}
