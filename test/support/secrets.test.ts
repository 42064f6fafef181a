import { describe, expect, test } from 'vitest';
import { Secrets } from './secrets.js';

const PEM = '-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\nAgEGCCqGSM49AwEHBG0w\n-----END PRIVATE KEY-----\n';

describe('S55 a secret is found', () => {
  const secrets = new Secrets();
  secrets.add('password', 'pass word/42');
  secrets.add('key', PEM);

  test.each([
    ['in a text', 'login with pass word/42 failed'],
    ['in a field', [['debug', { given: { password: 'pass word/42' } }]]],
    ['in a key of a map', new Map([['pass word/42', 1]])],
    ['in the cause of a cause', new Error('no', { cause: new Error('no', { cause: 'pass word/42' }) })],
    ['in what only JSON shows', { toJSON: () => 'pass word/42' }],
    ['in what JSON does not show', Object.defineProperty({}, 'hidden', { value: 'pass word/42' })],
    ['far down', Array.from({ length: 2_000 }, (_, index) => ({ a: { b: { c: index === 1_999 && 'pass word/42' } } }))],
    ['in a buffer', { value: Buffer.from('user pass word/42') }],
    ['in bytes', { value: new TextEncoder().encode('user pass word/42') }],
    ['in hexadecimal', `said <${Buffer.from('pass word/42').toString('hex')}>`],
    ['in a URL', 'etcd://app:pass%20word%2F42@host/'],
    ['in base64', Buffer.from('pass word/42').toString('base64')],
  ])('%s', (_, output) => {
    expect(secrets.foundIn('before', output, 'after')).toEqual(['password']);
  });

  test('a key of which one line is printed', () => {
    expect(secrets.foundIn({ tls: { key: PEM } })).toEqual(['key']);
    expect(secrets.foundIn('AgEGCCqGSM49AwEHBG0w')).toEqual(['key']);
  });

  test('only where there is one', () => {
    expect(secrets.foundIn(new Error('-----BEGIN PRIVATE KEY-----'), { user: 'word' }, undefined)).toEqual([]);
  });
});
