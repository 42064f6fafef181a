import { describe, expect, it } from 'vitest';
import { parseDuration } from '../src/options/duration.js';
import { temporaryFolder } from './folder.js';
import { run } from './run.js';

const folder = temporaryFolder();

describe('wrong usage ends with exit code 2 and says what and where', () => {
  const cases: readonly [string, string[], string][] = [
    ['no command', [], 'Usage: rollcall'],
    ['an unknown command', ['tial'], "unknown command 'tial'"],
    ['an unknown flag', ['tail', '--jsn', 'memory:a'], "unknown option '--jsn'\n(Did you mean --json?)"],
    ['a flag of another command', ['get', '--once', 'memory:a'], "unknown option '--once'"],
    ['a missing URL', ['tail'], "missing required argument 'url'"],
    ['one URL too many', ['get', 'memory:a', 'memory:b'], 'too many arguments'],
    ['a missing value', ['put', 'memory:a'], "missing required argument 'value'"],
    [
      'an unknown scheme',
      ['tail', 'zookeeper://h/a/'],
      '"zookeeper://h/a/" names no backend. Known schemes: file, memory, etcd',
    ],
    ['a host for a scheme', ['tail', 'localhost:2379/a/'], '"localhost:2379/a/" names no backend'],
    ['a wrong port', ['tail', 'etcd://h:99999/a/'], '"99999" is not a port'],
    ['no path', ['tail', 'etcd://h:2379'], 'it has no path; write etcd://h:2379/'],
    ['no host', ['tail', 'etcd:///a/'], 'it names no host; write etcd://127.0.0.1:2379/'],
    ['a broken percent escape', ['tail', 'etcd://h/a%zz/'], 'has a % that is not followed by two hex digits'],
    ['a password in the URL', ['get', 'etcd://app:hunter2@h/a'], 'etcd://***@h/a'],
    ['a token in the URL', ['get', 'etcd://h/a?token=hunter2'], 'token=***'],
    ['an unknown name', ['tail', 'orders'], '"orders" is neither a URL nor a known name'],
    ['a wrong last URL', ['tail', 'memory:a', 'etcd://h:0/a/'], '"0" is not a port'],
    [
      'a wrong time',
      ['tail', '--timeout', 'soon', 'memory:a'],
      "argument 'soon' is invalid. It must be a time above 0",
    ],
    [
      'a wrong log level',
      ['tail', '--log-level', 'loud', 'memory:a'],
      'Allowed choices are debug, info, warn, error, silent',
    ],
    ['a wrong revision', ['tail', '--since', 'x', 'memory:a'], "argument 'x' is invalid. It must be a revision"],
    ['revision 0', ['get', '--at', '0', 'memory:a'], 'a whole number above 0, such as 7'],
    ['--since with two URLs', ['tail', '--since', '7', 'memory:a', 'memory:b'], '--since takes one URL'],
    ['--since without a history', ['tail', '--since', '7', 'file:./a.yaml'], 'one that does, such as etcd, can'],
    ['--at without a history', ['get', '--at', '7', 'file:./a.yaml'], 'one that does, such as etcd, can'],
    ['--at of Consul', ['get', '--at', '7', 'consul://127.0.0.1:1/a/'], 'one that does, such as etcd, can'],
    ['--from without a history', ['diff', '--from', '7', 'file:./a.yaml'], 'one that does, such as etcd, can'],
    ['diff of one place', ['diff', 'memory:a'], 'give a second URL to compare with, or --from REVISION'],
    ['--to without --from', ['diff', '--to', '7', 'memory:a'], 'give a second URL to compare with, or --from REVISION'],
    ['--from with two URLs', ['diff', '--from', '7', 'memory:a', 'memory:b'], 'leave out the second URL, or them'],
    ['--to with two URLs', ['diff', '--to', '7', 'memory:a', 'memory:b'], 'leave out the second URL, or them'],
    [
      'two leases',
      ['put', '--ttl', '5s', '--lease', 'a', 'memory:a#b', 'x'],
      '--ttl makes a lease and --lease names one',
    ],
    ['a value to ignore', ['put', '--ignore-value', 'memory:a#b', 'x'], '--ignore-value keeps the value that is there'],
    ['a wrong time to live', ['put', '--ttl', '0', 'memory:a#b', 'x'], 'It must be a time above 0'],
    [
      'a lease that is no number',
      ['put', '--lease', 'xyz', 'etcd://127.0.0.1:1/b', 'x'],
      "a lease's id in hexadecimal",
    ],
    ['lease 0', ['put', '--lease', '0', 'etcd://127.0.0.1:1/b', 'x'], "a lease's id in hexadecimal"],
    ['a lease on a file', ['put', '--ttl', '5s', 'file:./a.yaml#b', 'x'], 'A file has no leases, so a key stays'],
    ['a lease in memory', ['put', '--lease', 'a', 'memory:a#b', 'x'], 'leave out lease'],
    ['a lease on Consul', ['put', '--ignore-value', 'consul://127.0.0.1:1/b'], 'leave out ignoreValue'],
    ['put to a prefix', ['put', 'file:./a.yaml#b/', 'x'], 'put writes one exact key'],
    ['delete of a prefix', ['delete', 'file:./a.yaml#b/'], 'add --recursive'],
    ['delete --recursive of a key', ['delete', '--recursive', 'file:./a.yaml#b'], 'end it with /'],
  ];

  it.each(cases)('%s', async (_, argv, message) => {
    const { code, text, errors } = await run(argv);
    expect(code).toBe(2);
    expect(errors).toContain(message);
    expect(errors).not.toContain('hunter2');
    expect(text).toBe('');
  });

  it('a configuration that is not there', async () => {
    const config = folder.path('none.yaml');
    const { code, errors } = await run(['tail', '--config', config, 'orders']);
    expect(code).toBe(2);
    expect(errors).toContain(`error: The configuration file ${config} cannot be read`);
  });

  it('a wrong key in the configuration', async () => {
    const config = await folder.write('rollcall.yaml', 'watches:\n  orders:\n    sorce: memory:a\n');
    const { code, errors } = await run(['tail', 'memory:a'], { env: { ROLLCALL_CONFIG: config } });
    expect(code).toBe(2);
    expect(errors).toContain(`error: ${config}:3: watches.orders.sorce is not a known key; known here: source,`);
  });
});

describe('help', () => {
  it('is on standard output, with exit code 0', async () => {
    const { code, text, errors } = await run(['--help']);
    expect([code, errors]).toEqual([0, '']);
    expect(text).toContain('Exit codes: 0');
  });

  it.each(['tail', 'get', 'brokers', 'relay', 'diff', 'put', 'delete', 'mirror'])(
    'of %s has examples and fits 80 columns',
    async (command) => {
      const { code, text } = await run([command, '--help']);
      expect(code).toBe(0);
      expect(text).toMatch(/Examples:\n {2}\$ /);
      for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    },
  );

  it('has examples that can be run as they stand', async () => {
    const { text } = await run(['config', 'check', '--help']);
    expect(text).toContain('$ rollcall --config /etc/rollcall.yaml config check');
  });

  it('tells the version', async () => {
    const { code, text } = await run(['--version']);
    expect(code).toBe(0);
    expect(text).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('a time', () => {
  it.each([
    ['500ms', 500],
    ['5s', 5000],
    ['1.5m', 90_000],
    ['2h', 7_200_000],
    ['3', 3000],
  ])('%s is %i ms', (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(['', '0', '-1s', '5 s', '5d', '600h', 'Infinity'])('"%s" is none', (text) => {
    expect(() => parseDuration(text)).toThrow(/It must be a time/);
  });
});
