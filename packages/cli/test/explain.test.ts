import { describe, expect, it } from 'vitest';
import { kafkaSecurity } from '../src/options/kafkaSecurity.js';
import { temporaryFolder } from './folder.js';
import { run } from './run.js';

const folder = temporaryFolder();

const KEYS = `b/1: SASL_SSL://b1:9094
b/2: SASL_SSL://b2:9094,b3:0
b/3: PLAINTEXT://b3:9092
b/b1:9094: ""
b/junk: "{"
`;

describe('brokers --explain', () => {
  it('tells what became of each key, then the decision, then the list, and ends', async () => {
    const url = `file:${await folder.write('a.yaml', KEYS)}#b/`;
    const { code, json } = await run(['brokers', '--explain', url]);
    expect(code).toBe(0);
    expect(json).toEqual([
      { type: 'explain', key: 'b/1', address: 'b1:9094', outcome: 'listed' },
      { type: 'explain', key: 'b/2', address: 'b2:9094', outcome: 'listed' },
      {
        type: 'explain',
        key: 'b/2',
        outcome: 'rejected',
        reason: '"b3:0": the port "0" is not a number from 1 to 65535',
      },
      {
        type: 'explain',
        key: 'b/3',
        address: 'b3:9092',
        outcome: 'listener',
        reason: 'its listener is PLAINTEXT; the list is of SASL_SSL',
      },
      { type: 'explain', key: 'b/b1:9094', address: 'b1:9094', outcome: 'duplicate', reason: 'named by "b/1" too' },
      { type: 'explain', key: 'b/junk', outcome: 'rejected', reason: expect.stringContaining('not JSON') },
      { type: 'decision', change: 'first', reason: 'Nothing was published before.' },
      expect.objectContaining({ type: 'brokers', brokers: ['b1:9094', 'b2:9094'], revision: '1' }),
    ]);
  });

  it('is a table on a terminal', async () => {
    const url = `file:${await folder.write('a.yaml', KEYS)}#b/`;
    const { code, plainLines } = await run(['brokers', '--explain', '--listener', 'plaintext', url], { tty: true });
    expect(code).toBe(0);
    expect(plainLines).toEqual([
      'listener  b1:9094  b/1',
      '          its listener is SASL_SSL; the list is of PLAINTEXT',
      'listener  b2:9094  b/2',
      '          its listener is SASL_SSL; the list is of PLAINTEXT',
      'rejected           b/2',
      '          "b3:0": the port "0" is not a number from 1 to 65535',
      'listed    b3:9092  b/3',
      'listed    b1:9094  b/b1:9094',
      'rejected           b/junk',
      expect.stringContaining('not JSON'),
      'first  Nothing was published before.',
      '2 brokers  b1:9094 b3:9092  revision 1',
    ]);
  });

  it.each([
    ['{}', []],
    ['b/1: junk!', [{ key: 'b/1', outcome: 'rejected', reason: '"junk!" is not a host name' }]],
    ['b/10.0.0.1: ""', [{ key: 'b/10.0.0.1', address: '10.0.0.1:9092', outcome: 'disallowed' }]],
  ])('K08 with no list to make of %j it says why, with exit code 1', async (document, explained) => {
    const url = `file:${await folder.write('a.yaml', `${document}\n`)}#b/`;
    const { code, json, errors } = await run([
      'brokers',
      '--explain',
      '--allow',
      '10.1.0.0/16',
      '--log-level',
      'silent',
      url,
    ]);
    expect(code).toBe(1);
    expect(json).toMatchObject([
      ...explained.map((each) => ({ type: 'explain', ...each })),
      { type: 'decision', change: 'refuse', code: 'TOO_FEW_BROKERS' },
    ]);
    expect(errors).toMatch(/^error: The registry names 0 usable brokers, fewer than 1.* There is no list\.\n$/);
  });

  it('says within the timeout that the registry does not answer', async () => {
    const { code, json, errors } = await run([
      'brokers',
      '--explain',
      '--timeout',
      '200ms',
      `file:${folder.path('none.yaml')}#b/`,
    ]);
    expect(code).toBe(1);
    expect(json).toMatchObject([{ type: 'decision', change: 'none', code: 'TIMEOUT' }]);
    expect(errors).toContain('none.yaml');
  });

  it.each([['--probe'], ['--cluster-id', 'one']])('asks the brokers with %s', async (...flags) => {
    const url = `file:${await folder.write('a.yaml', 'b/127.0.0.1:1: ""\n')}#b/`;
    const { code, json } = await run(['brokers', '--explain', ...flags, url]);
    expect(code).toBe(1);
    expect(json).toMatchObject([
      { key: 'b/127.0.0.1:1', address: '127.0.0.1:1', outcome: 'unreachable' },
      { type: 'decision', change: 'refuse', reason: expect.stringContaining('(left out: 1 unreachable)') },
    ]);
  });
});

describe('the policy of a list', () => {
  it('is given by flags', async () => {
    const keys = 'b/1: b1,b2,b3,10.0.0.1\nb/2: SSL://b4\n';
    const url = `file:${await folder.write('a.yaml', keys)}#b/`;
    const list = async (...flags: string[]): Promise<string> =>
      (await run(['brokers', '--once', '--log-level', 'silent', ...flags, url])).text;
    expect(await list('--allow', 'b1', '--allow', '10.0.0.0/8')).toBe('10.0.0.1:9092,b1:9092\n');
    expect(await list('--limit', '2')).toBe('10.0.0.1:9092,b1:9092\n');
    expect(await list('--listener', 'PLAINTEXT')).toBe('10.0.0.1:9092,b1:9092,b2:9092,b3:9092\n');
    const shuffled = await list('--shuffle', 'one');
    expect(shuffled.trim().split(',').sort()).toEqual(['10.0.0.1:9092', 'b1:9092', 'b2:9092', 'b3:9092', 'b4:9092']);
    expect(await list('--shuffle', 'one')).toBe(shuffled);
    expect(new Set([shuffled, await list('--shuffle', 'two'), await list('--shuffle', 'three')]).size).toBe(3);
  });

  it.each([
    [['--limit', '0'], 'whole number, 1 or more'],
    [['--allow', '10.0.0.0/99'], '"10.0.0.0/99"'],
    [['--listener', 'a b'], '--listener'],
    [['--cluster-id', ''], '--cluster-id'],
  ])('that is wrong ends with exit code 2: %j', async (flags, message) => {
    const { code, errors } = await run(['brokers', ...flags, 'file:./none.yaml#b/']);
    expect(code).toBe(2);
    expect(errors).toContain(message);
  });

  it('is the same for the relay', async () => {
    const { code, errors } = await run(['relay', '--allow', '10.0.0.0/99', 'file:./none.yaml#b/']);
    expect([code, errors]).toEqual([2, expect.stringContaining('"10.0.0.0/99"')]);
  });
});

describe('how to speak to brokers comes from the environment', () => {
  const read = (path: string): string => {
    if (path === 'none') throw new Error('ENOENT');
    return `pem of ${path}`;
  };
  const SASL = { ROLLCALL_KAFKA_USERNAME: 'app', ROLLCALL_KAFKA_PASSWORD: 'hunter2' };

  it.each([
    [{}, {}],
    [{ ROLLCALL_KAFKA_USERNAME: '', ROLLCALL_KAFKA_TLS: '' }, {}],
    [SASL, { sasl: { mechanism: 'plain', username: 'app', password: 'hunter2' } }],
    [
      { ...SASL, ROLLCALL_KAFKA_MECHANISM: 'SCRAM-SHA-512' },
      { sasl: { mechanism: 'scram-sha-512', username: 'app', password: 'hunter2' } },
    ],
    [{ ROLLCALL_KAFKA_TLS: 'true' }, { tls: true }],
    [{ ROLLCALL_KAFKA_TLS: 'false' }, {}],
    [{ ROLLCALL_KAFKA_CA: 'ca' }, { tls: { ca: 'pem of ca' } }],
    [{ ROLLCALL_KAFKA_CERT: 'c', ROLLCALL_KAFKA_KEY: 'k' }, { tls: { cert: 'pem of c', key: 'pem of k' } }],
  ])('%j', (env, security) => {
    expect(kafkaSecurity(env, read)).toEqual(security);
  });

  it.each([
    [{ ROLLCALL_KAFKA_USERNAME: 'app' }, 'go together'],
    [{ ROLLCALL_KAFKA_PASSWORD: 'hunter2' }, 'go together'],
    [{ ...SASL, ROLLCALL_KAFKA_MECHANISM: 'gssapi' }, 'ROLLCALL_KAFKA_MECHANISM must be'],
    [{ ROLLCALL_KAFKA_TLS: 'yes' }, 'true or false'],
    [{ ROLLCALL_KAFKA_CERT: 'c' }, 'go together'],
    [{ ROLLCALL_KAFKA_CA: 'none' }, 'ROLLCALL_KAFKA_CA names a file that cannot be read'],
  ])('%j is refused, and the secret is not told', (env, message) => {
    const make = () => kafkaSecurity(env, read);
    expect(make).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
    expect(make).toThrow(message);
    expect(make).toThrow(expect.not.objectContaining({ message: expect.stringContaining('hunter2') }));
  });
});
