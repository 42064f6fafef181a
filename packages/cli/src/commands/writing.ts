import type { Command } from 'commander';
import { parseDuration } from '../options/duration.js';
import { parseMaxDelete } from '../options/maxDelete.js';
import { examples, PREFIX_HELP, type RunCommand } from '../session/help.js';
import { remove } from './delete.js';
import { mirror } from './mirror.js';
import { put } from './put.js';

/** The commands that write. */
export function addWriting(program: Command, run: RunCommand): void {
  program
    .command('put')
    .summary('write one exact key')
    .description(
      'Writes one exact key. A put without --ttl and --lease takes the key from the lease it was under: it then stays ' +
        'until it is deleted.',
    )
    .argument('<url>', 'the key: a URL whose path does not end in /')
    .argument('[value]', 'its value, or - for standard input; write -- before one that begins with -')
    .option('--ttl <time>', 'under a lease of its own, as 10s or 5m; then it is gone (etcd)', parseDuration)
    .option('--lease <id>', 'under this lease, in hexadecimal, as etcdctl prints it')
    .option('--ignore-value', 'keep the value that is there; only the lease changes')
    .addHelpText(
      'after',
      examples(
        'put etcd://127.0.0.1:2379/broker/kafka/10.0.0.1:9092 ""',
        'put etcd://127.0.0.1:2379/config/app.json - < app.json',
        'put --ttl 10s etcd://127.0.0.1:2379/broker/kafka/10.0.0.1:9092 ""',
        'put --ignore-value etcd://127.0.0.1:2379/broker/kafka/10.0.0.1:9092',
      ),
    )
    .action((url: string, value: string | undefined, options, command) =>
      run(command, [url], (session) => put(session, url, value, options)),
    );

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
    .command('mirror')
    .summary('keep one place holding what another holds')
    .description('Copies the first place to the second, one way, and then every change, until it is told to end.')
    .argument('<url>', 'where to copy from: a URL, or a name in rollcall.yaml')
    .argument('<url2>', 'where to copy to')
    .option('--dry-run', 'print what would be written, and end')
    .option('--delete', 'delete what only the second place has')
    .option(
      '--max-delete <number>',
      'how many keys one comparison may delete, as 20 or 80% (default: half of them, or 2; none for an empty source)',
      parseMaxDelete,
    )
    .addHelpText(
      'after',
      examples(
        'mirror --dry-run etcd://10.0.0.5/kafka/ consul://10.0.0.6/kafka/',
        'mirror --delete etcd://10.0.0.5/kafka/ file:./brokers.yaml#kafka/',
      ),
    )
    .action((from: string, to: string, options, command) =>
      run(command, [from, to], (session) => mirror(session, from, to, options)),
    );
}
