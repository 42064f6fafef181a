import { type Command, Option } from 'commander';
import { parseCount } from '../options/count.js';
import { parseListen } from '../options/listen.js';
import { addPolicy, withFlags } from '../options/policy.js';
import { parseRevision } from '../options/revision.js';
import { examples, PREFIX_HELP, type RunCommand, URL_HELP } from '../session/help.js';
import { brokers } from './brokers.js';
import { diff } from './diff.js';
import { get } from './get.js';
import { relay } from './relay.js';
import { tail } from './tail.js';

/** The commands that change nothing. */
export function addReading(program: Command, run: RunCommand): void {
  program
    .command('tail')
    .summary('print the state, then every change')
    .description('Prints the state, then every change, as they come. Survives whatever the backend does.')
    .argument('<url...>', URL_HELP)
    .option('--prefix <text>', PREFIX_HELP)
    .option('--keys-only', 'leave the values out')
    .option('--count <number>', 'end after so many changes; those of the first state count', parseCount)
    .option(
      '--since <revision>',
      'instead of the state every change after this revision, as a synced line tells it (etcd)',
      parseRevision,
    )
    .addHelpText(
      'after',
      examples(
        'tail etcd://127.0.0.1:2379/broker/kafka/',
        'tail --since 4711 etcd://127.0.0.1:2379/broker/kafka/',
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
    .option('--at <revision>', 'what was there at this revision (etcd)', parseRevision)
    .addHelpText(
      'after',
      examples(
        'get etcd://127.0.0.1:2379/config/app.json > app.json',
        'get --at 4711 etcd://127.0.0.1:2379/config/app.json',
        'get --json file:./brokers.yaml#broker/kafka/',
      ),
    )
    .action((url: string, options, command) => run(command, [url], (session) => get(session, url, options)));

  const brokersCommand = program
    .command('brokers')
    .summary('print the Kafka bootstrap list, and again at each change')
    .description('Prints the Kafka bootstrap list that the keys name, and again at each change.')
    .argument('<url>', URL_HELP)
    .option('--prefix <text>', PREFIX_HELP)
    .option('--once', 'print host:port,host:port and end')
    .option('--explain', 'print what became of each key and why, then the list, and end');
  addPolicy(brokersCommand)
    .addHelpText(
      'after',
      examples(
        'brokers etcd://127.0.0.1:2379/broker/kafka/',
        'brokers --explain --probe --allow 10.0.0.0/8 orders',
        'kcat -L -b "$(rollcall brokers --once orders)"',
      ),
    )
    .action((url: string, options, command) =>
      run(command, [url], (session) => withFlags(() => brokers(session, url, options))),
    );

  const relayCommand = program
    .command('relay')
    .summary('an address for Kafka clients that never changes')
    .description(
      'Listens, and forwards each connection to one of the brokers that the keys name now. Any Kafka client follows them ' +
        'with this as its bootstrap server: it asks here where the brokers are, and connects to those directly.',
    )
    .argument('<url>', URL_HELP)
    .option('--prefix <text>', PREFIX_HELP)
    .addOption(
      new Option('--listen <host:port>', 'where to listen')
        .argParser(parseListen)
        .default({ host: '127.0.0.1', port: 9092 }, '127.0.0.1:9092'),
    );
  addPolicy(relayCommand)
    .addHelpText(
      'after',
      examples(
        'relay etcd://127.0.0.1:2379/broker/kafka/',
        'relay orders --listen 127.0.0.1:19092 --allow 10.0.0.0/8',
        'kcat -L -b 127.0.0.1:9092  # while rollcall relay runs',
      ),
    )
    .action((url: string, options, command) =>
      run(command, [url], (session) => withFlags(() => relay(session, url, options))),
    );

  program
    .command('diff')
    .summary('print how two places differ, or two revisions of one')
    .description(
      'Prints what would have to change in the first place for it to hold what the second holds; or with --from what ' +
        'changed in one place between two revisions of its history.',
    )
    .argument('<url>', URL_HELP)
    .argument('[url2]', 'what to compare it with')
    .option('--from <revision>', 'compare what was there at this revision (etcd)', parseRevision)
    .option('--to <revision>', 'with what was there at this one (default: with what is there now)', parseRevision)
    .option('--exit-code', 'end with exit code 1 where there is a difference')
    .addHelpText(
      'after',
      examples(
        'diff etcd://127.0.0.1:2379/kafka/ file:./brokers.yaml#kafka/',
        'diff etcd://127.0.0.1:2379/kafka/ --from 4711 --to 4720',
        'diff orders orders-new',
      ),
    )
    .action((url: string, url2: string | undefined, options, command) =>
      run(command, url2 === undefined ? [url] : [url, url2], (session) => diff(session, url, url2, options)),
    );
}
