import { WatchError } from '@rollcall/core';
import { describe, expect, it } from 'vitest';
import { checkConfig, type NamedWatch, parseConfig } from '../../src/config/config.js';

const FILE = '/etc/app/rollcall.yaml';

const files: Readonly<Record<string, string>> = { '/etc/app/ca.pem': 'CA', '/certs/app.pem': 'CERT' };
const inputs = {
  env: { ETCD_PASSWORD: 's3cret', HOST: '10.0.0.5', EMPTY: '' },
  readFile: (path: string): string => {
    const text = files[path];
    if (text === undefined) throw new Error(`ENOENT: ${path}`);
    return text;
  },
  checkUrl: (): void => {},
  loadAdapters: (): never[] => [],
};

const parse = (text: string) => parseConfig(text, FILE, inputs).watches;
const one = (fields: string): NamedWatch | undefined =>
  parse(`watches:\n  orders:\n${fields.replace(/^/gm, '    ')}`).get('orders');

function failureOf(act: () => unknown): WatchError {
  try {
    act();
  } catch (error) {
    if (error instanceof WatchError) return error;
    throw error;
  }
  throw new Error('It did not throw.');
}

describe('a configuration', () => {
  it('names URLs with what they connect with', () => {
    const orders = one(
      [
        'source: etcds://${HOST}:2379/broker/kafka/',
        'username: app',
        'password: ${ETCD_PASSWORD}',
        'ca: ca.pem',
        'cert: /certs/app.pem',
        'serverName: etcd.example',
        'insecureSkipVerify: false',
        'maxMessageBytes: 67108864',
        'maxProofAgeMs: 10000',
      ].join('\n'),
    );
    expect(orders).toEqual({
      url: 'etcds://10.0.0.5:2379/broker/kafka/',
      connect: {
        username: 'app',
        password: 's3cret',
        maxMessageBytes: 67_108_864,
        maxProofAgeMs: 10_000,
        tls: { ca: 'CA', cert: 'CERT', serverName: 'etcd.example', insecureSkipVerify: false },
      },
    });
  });

  it('takes a prefix as raw text', () => {
    expect(one('source: "etcd://h/"\nprefix: "a%2Fb?#"')).toEqual({ url: 'etcd://h/', prefix: 'a%2Fb?#', connect: {} });
  });

  it('roots relative files at its own folder', () => {
    expect(one('source: file:./brokers.yaml#broker/kafka/')?.url).toBe('file:/etc/app/./brokers.yaml#broker/kafka/');
    expect(one('source: file:/srv/brokers.yaml')?.url).toBe('file:/srv/brokers.yaml');
  });

  it('roots a checkpoint at its own folder', () => {
    expect(one('source: memory:a\ncheckpoint: ./orders.checkpoint')?.checkpoint).toBe('/etc/app/orders.checkpoint');
    expect(one('source: memory:a\ncheckpoint: ${HOST}/x')?.checkpoint).toBe('/etc/app/10.0.0.5/x');
    expect(one('source: memory:a\ncheckpoint: /var/lib/x')?.checkpoint).toBe('/var/lib/x');
  });

  it('roots relative files also below a folder whose name a URL must escape', () => {
    const { watches } = parseConfig('watches: { a: { source: "file:b.yaml" } }', '/srv/50%#1/rollcall.yaml', inputs);
    expect(watches.get('a')?.url).toBe('file:/srv/50%25%231/b.yaml');
  });

  it('keeps an escaped ${ and an empty variable', () => {
    expect(one('source: memory:a\nusername: "$${HOST}"\npassword: "${EMPTY}"')?.connect).toEqual({
      username: '${HOST}',
      password: '',
    });
  });

  it('never takes a variable for YAML', () => {
    const env = { ...inputs.env, EVIL: 'x\nwatches: {}' };
    const { watches } = parseConfig('watches:\n  a:\n    source: memory:a\n    token: ${EVIL}', FILE, {
      ...inputs,
      env,
    });
    expect(watches.get('a')?.connect).toEqual({ token: 'x\nwatches: {}' });
  });
});

describe('a wrong configuration', () => {
  const cases: readonly [string, string, string][] = [
    ['broken YAML', 'watches:\n  a: [', '/etc/app/rollcall.yaml:2:7: this is not YAML'],
    ['nothing', '', 'is empty: write "watches:"'],
    ['a list', '- a', 'is a list, not a map'],
    [
      'an unknown key at the top',
      'watches: {}\nwatch: {}',
      '/etc/app/rollcall.yaml:2: watch is not a known key; known here: adapters, watches',
    ],
    [
      'an unknown key of a watch',
      'watches:\n  a:\n    source: memory:a\n    sorce: b',
      'rollcall.yaml:4: watches.a.sorce is not a known key; known here: source,',
    ],
    [
      'a name with a slash',
      'watches:\n  a/b: { source: memory:a }',
      'rollcall.yaml:2: watches has a name that is not usable',
    ],
    ['no source', 'watches:\n  a: {}', 'rollcall.yaml:2: watches.a has no source'],
    ['an empty watch', 'watches:\n  a:', 'rollcall.yaml:2: watches.a is empty'],
    [
      'a source without a scheme',
      'watches:\n  a:\n    source: ./brokers.yaml',
      'rollcall.yaml:3: watches.a.source is not a URL',
    ],
    [
      'a number for text',
      'watches:\n  a:\n    source: memory:a\n    password: 12',
      'rollcall.yaml:4: watches.a.password is a number, not text: write it in quotes',
    ],
    [
      'text for a flag',
      'watches:\n  a:\n    source: memory:a\n    insecureSkipVerify: "yes"',
      'rollcall.yaml:4: watches.a.insecureSkipVerify is a string: write true or false',
    ],
    [
      'text for a size',
      'watches:\n  a:\n    source: etcd://h/\n    maxMessageBytes: 64M',
      'rollcall.yaml:4: watches.a.maxMessageBytes is a string: write a number of bytes, as 536870912',
    ],
    [
      'text for a time',
      'watches:\n  a:\n    source: etcd://h/\n    maxProofAgeMs: 10s',
      'rollcall.yaml:4: watches.a.maxProofAgeMs is a string: write a number of milliseconds, as 10000',
    ],
    [
      'an empty checkpoint',
      'watches:\n  a:\n    source: memory:a\n    checkpoint: ""',
      'rollcall.yaml:4: watches.a.checkpoint is empty: give the path of a file',
    ],
    [
      'two watches with one checkpoint',
      'watches:\n  a: { source: memory:a, checkpoint: x }\n  b: { source: memory:b, checkpoint: ./x }',
      'rollcall.yaml:3: watches.b.checkpoint is the file of watches.a too',
    ],
    [
      'an unset variable',
      'watches:\n  a:\n    source: memory:a\n    password: ${NOPE}',
      'rollcall.yaml:4: watches.a.password needs the environment variable NOPE, which is not set',
    ],
    [
      'a missing PEM file',
      'watches:\n  a:\n    source: memory:a\n    key: nope.pem',
      'rollcall.yaml:4: watches.a.key names a file that cannot be read (ENOENT: /etc/app/nope.pem)',
    ],
    [
      'a duplicate key',
      'watches:\n  a: { source: memory:a }\n  a: { source: memory:b }',
      'rollcall.yaml:3:3: this is not YAML',
    ],
    [
      'an alias bomb',
      `a: &a [${'x,'.repeat(50)}]\nb: &b [${'*a,'.repeat(50)}]\nc: [${'*b,'.repeat(50)}]`,
      'an alias (*name) cannot be followed',
    ],
  ];

  it.each(cases)('%s: says where and what to do', (_, text, message) => {
    const error = failureOf(() => parse(text));
    expect(error.code).toBe('INVALID_OPTION');
    expect(error.message).toContain(message);
  });

  it('S55 does not repeat what stands in a broken document', () => {
    const error = failureOf(() => parse('watches:\n  a:\n    password: hunter2\n   token: "hunter2'));
    expect(error.message).not.toContain('hunter2');
  });
});

describe('a configuration object', () => {
  it('means the same, but nothing in it is substituted', () => {
    const { watches } = checkConfig({ watches: { a: { source: 'memory:a', password: '${ETCD_PASSWORD}' } } }, inputs);
    expect(watches.get('a')).toEqual({ url: 'memory:a', connect: { password: '${ETCD_PASSWORD}' } });
  });

  it('names the wrong key', () => {
    const config = { watches: { a: { source: 'memory:a', sorce: 'b' } } };
    expect(failureOf(() => checkConfig(config, inputs)).message).toContain('config.watches.a.sorce is not a known key');
  });
});
