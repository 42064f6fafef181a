import { readFileSync } from 'node:fs';
import { Argument, Command, Option } from 'commander';
import { completionScript, SHELLS, type Shell } from './commands/completion.js';
import { checkConfig } from './commands/config.js';
import { addReading } from './commands/reading.js';
import { addWriting } from './commands/writing.js';
import { parseDuration } from './options/duration.js';
import type { Io } from './output/io.js';
import { LOG_LEVELS } from './output/log.js';
import { printableLines } from './output/printable.js';
import { coloured } from './output/style.js';
import { examples, type RunCommand } from './session/help.js';
import { type GlobalOptions, withSession } from './session/session.js';

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
configuration, 130 and 143 a question that a signal ended.`;

/** The whole command line. Parsing it runs a command. */
export function createProgram(io: Io): Command {
  const program = new Command('rollcall')
    .description(ABOUT)
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      // Commander's message quotes the argument, which may hold control characters.
      writeErr: (text) => io.stderr.write(printableLines(text)),
      getOutHasColors: () => coloured(io.stdout, io.env),
      getErrHasColors: () => coloured(io.stderr, io.env),
    })
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('See "rollcall --help" or "rollcall COMMAND --help".')
    .option('--config <path>', 'the configuration (default: $ROLLCALL_CONFIG, else ./rollcall.yaml)')
    .option('--adapter <package>', 'a further backend: an installed package, or ./file.js (repeatable)', collect)
    .option('--json', 'one JSON object a line, also on a terminal')
    .option(
      '--timeout <time>',
      'how long to wait for an answer, as 500ms, 5s or 2m (default: 10s; no end for tail, relay, and brokers without --once)',
      parseDuration,
    )
    .option('--no-truncate', 'show values whole on a terminal, however long')
    .addOption(new Option('--log-level <level>', 'log to standard error').choices(LOG_LEVELS).default('warn'))
    .addHelpText('after', AFTER);

  const run: RunCommand = (command, urls, act) => withSession(io, command.optsWithGlobals<GlobalOptions>(), urls, act);

  addReading(program, run);
  addWriting(program, run);
  const configuration = program.command('config').summary('look at the configuration');
  configuration
    .command('check')
    .summary('print what is understood of the configuration, secrets masked')
    .description('Reads the configuration as every command does, and prints what is understood of it.')
    .addHelpText('after', examples('config check', '--config /etc/rollcall.yaml config check'))
    // `config` needs the configuration, as a name does.
    .action((_options, command: Command) => run(command, ['check'], checkConfig));
  program
    .command('version')
    .summary('print the version')
    .action(() => void io.stdout.write(`${version()}\n`));
  program
    .command('completion')
    .summary('print a script by which a shell completes commands and options')
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .addHelpText(
      'after',
      examples(
        'source <(rollcall completion bash)',
        'rollcall completion fish > ~/.config/fish/completions/rollcall.fish',
      ),
    )
    .action((shell: Shell) => void io.stdout.write(completionScript(program, shell)));
  return program;
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

function version(): string {
  const file = new URL('../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
