import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { brokers } from './commands/brokers.js';
import { remove } from './commands/delete.js';
import { diff } from './commands/diff.js';
import { get } from './commands/get.js';
import { mirror } from './commands/mirror.js';
import { put } from './commands/put.js';
import { tail } from './commands/tail.js';
import { parseDuration } from './duration.js';
import type { Io } from './io.js';
import { LOG_LEVELS } from './log.js';
import { type GlobalOptions, type Session, withSession } from './session.js';
import { coloured } from './style.js';

const URL_HELP = 'what to watch: a URL, or a name in rollcall.yaml';
const PREFIX_HELP = "literal prefix instead of the URL's path (a matches ab, too)";

const ABOUT = `Keeps a live, provably current answer to "who is there now?"

A URL says what to watch:
  etcd://HOST:2379,HOST:2379/broker/kafka/   etcd's keys (etcds:// for TLS)
  consul://HOST:8500/broker/kafka/           Consul's keys (consuls:// for TLS)
  consul://HOST:8500/?service=kafka          the instances of a service
  file:./brokers.yaml#broker/kafka/          a YAML or JSON file, or a folder
  orders                                     a name in rollcall.yaml
A path that ends in / is a prefix; any other is one exact key.`;

const AFTER = `
On a terminal the output is for people; on a pipe, or with --json, it is one
JSON object a line. Credentials come from rollcall.yaml or the environment:
ROLLCALL_USERNAME, _PASSWORD, _TOKEN, _CA, _CERT, _KEY; ETCDCTL_USER and
CONSUL_HTTP_TOKEN; for etcd:///path and consul:///path, ETCDCTL_ENDPOINTS and
CONSUL_HTTP_ADDR. An edit of rollcall.yaml, or SIGHUP, moves what runs by name.
Exit codes: 0 ended as asked, 1 fatal at run time, 2 wrong usage or
configuration.`;

/** The whole command line. Parsing it runs the command. */
export function createProgram(io: Io): Command {
  const program = new Command('rollcall')
    .description(ABOUT)
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHasColors: () => coloured(io.stdout, io.env),
      getErrHasColors: () => coloured(io.stderr, io.env),
    })
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('See "rollcall --help" or "rollcall COMMAND --help".')
    .option('--config <path>', 'the configuration (default: $ROLLCALL_CONFIG, else ./rollcall.yaml)')
    .option('--json', 'one JSON object a line, also on a terminal')
    .option(
      '--timeout <time>',
      'how long to wait for an answer, as 500ms, 5s or 2m (default: 10s; tail, brokers: no end)',
      parseDuration,
    )
    .addOption(new Option('--log-level <level>', 'log to standard error').choices(LOG_LEVELS).default('warn'))
    .addHelpText('after', AFTER);

  const run = (command: Command, urls: readonly string[], act: (session: Session) => Promise<void>): Promise<void> =>
    withSession(io, command.optsWithGlobals<GlobalOptions>(), urls, act);

  program
    .command('tail')
    .summary('print the state, then every change')
    .description('Prints the state, then every change, as they come. Survives whatever the backend does.')
    .argument('<url...>', URL_HELP)
    .option('--prefix <text>', PREFIX_HELP)
    .option('--keys-only', 'leave the values out')
    .addHelpText(
      'after',
      examples(
        'tail etcd://127.0.0.1:2379/broker/kafka/',
        'tail file:./brokers.yaml --keys-only',
        'tail orders | jq -c .key',
      ),
    )
    .action((urls: string[], options, command) => run(command, urls, (session) => tail(session, urls, options)));

  program
    .command('get')
    .summary('print what is there now')
    .description("Prints one exact key's value (on a pipe byte for byte), or all entries under a prefix.")
    .argument('<url>', URL_HELP)
    .option('--prefix <text>', PREFIX_HELP)
    .addHelpText(
      'after',
      examples('get etcd://127.0.0.1:2379/config/app.json > app.json', 'get --json file:./brokers.yaml#broker/kafka/'),
    )
    .action((url: string, options, command) => run(command, [url], (session) => get(session, url, options)));

  program
    .command('put')
    .summary('write one exact key')
    .description('Writes one exact key.')
    .argument('<url>', 'the key: a URL whose path does not end in /')
    .argument('<value>', 'its value, or - for standard input; write -- before one that begins with -')
    .addHelpText(
      'after',
      examples(
        'put etcd://127.0.0.1:2379/broker/kafka/10.0.0.1:9092 ""',
        'put etcd://127.0.0.1:2379/config/app.json - < app.json',
      ),
    )
    .action((url: string, value: string, _, command) => run(command, [url], (session) => put(session, url, value)));

  program
    .command('delete')
    .summary('delete one exact key, or all under a prefix')
    .description('Deletes one exact key, or with --recursive all keys under a prefix, and prints how many there were.')
    .argument('<url>', 'the key, or with --recursive the prefix')
    .option('--recursive', 'all keys under the prefix')
    .option('--prefix <text>', PREFIX_HELP)
    .addHelpText(
      'after',
      examples(
        'delete etcd://127.0.0.1:2379/broker/kafka/10.0.0.1:9092',
        'delete --recursive etcd://127.0.0.1:2379/broker/kafka/',
      ),
    )
    .action((url: string, options, command) => run(command, [url], (session) => remove(session, url, options)));

  program
    .command('brokers')
    .summary('print the Kafka bootstrap list, and again at each change')
    .description('Prints the Kafka bootstrap list that the keys name, and again at each change.')
    .argument('<url>', URL_HELP)
    .option('--prefix <text>', PREFIX_HELP)
    .option('--once', 'print host:port,host:port and end')
    .addHelpText(
      'after',
      examples('brokers etcd://127.0.0.1:2379/broker/kafka/', 'kcat -L -b "$(rollcall brokers --once orders)"'),
    )
    .action((url: string, options, command) => run(command, [url], (session) => brokers(session, url, options)));

  program
    .command('diff')
    .summary('print how two places differ')
    .description('Prints what would have to change in the first place for it to hold what the second holds.')
    .argument('<url>', URL_HELP)
    .argument('<url2>', 'what to compare it with')
    .addHelpText(
      'after',
      examples('diff etcd://127.0.0.1:2379/broker/kafka/ file:./brokers.yaml#broker/kafka/', 'diff orders orders-new'),
    )
    .action((from: string, to: string, _, command) => run(command, [from, to], (session) => diff(session, from, to)));

  program
    .command('mirror')
    .summary('keep one place holding what another holds')
    .description('Copies the first place to the second, one way, and then every change, until it is told to end.')
    .argument('<url>', 'where to copy from: a URL, or a name in rollcall.yaml')
    .argument('<url2>', 'where to copy to')
    .option('--dry-run', 'print what would be written, and end')
    .option('--delete', 'delete what only the second place has')
    .addHelpText(
      'after',
      examples(
        'mirror --dry-run etcd://127.0.0.1:2379/broker/kafka/ consul://127.0.0.1:8500/broker/kafka/',
        'mirror --delete etcd://127.0.0.1:2379/broker/kafka/ file:./brokers.yaml#broker/kafka/',
      ),
    )
    .action((from: string, to: string, options, command) =>
      run(command, [from, to], (session) => mirror(session, from, to, options)),
    );

  return program;
}

function examples(...commands: readonly string[]): string {
  return `\nExamples:\n${commands.map((one) => `  $ ${one.includes('rollcall') ? one : `rollcall ${one}`}`).join('\n')}`;
}

function version(): string {
  const file = new URL('../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
