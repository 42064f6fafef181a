import { type Logger, systemTiming, WatchError } from '@rollcall/core';
import { silentLogger } from '@rollcall/core/internal';
import { etcdAdapter } from '@rollcall/etcd';
import { describe, expect, test } from 'vitest';

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(WatchError);
    return `${(error as WatchError).code}: ${(error as WatchError).message}`;
  }
  return 'no error';
}

describe('parse', () => {
  test('a path that ends in a slash is a prefix, any other one key, an empty one everything', () => {
    expect(etcdAdapter.parse('etcd://h:2379/broker/kafka/').target).toEqual({ prefix: 'broker/kafka/' });
    expect(etcdAdapter.parse('etcd://h:2379/broker/kafka').target).toEqual({ prefix: 'broker/kafka', exact: true });
    expect(etcdAdapter.parse('etcd://h:2379/').target).toEqual({ prefix: '' });
    expect(etcdAdapter.parse('etcd://h:2379//apisix/routes/').target).toEqual({ prefix: '/apisix/routes/' });
  });

  test('one cluster has one name, however its endpoints are written', () => {
    const name = 'etcd://[::1]:2379,a:2379,b:1';
    expect(etcdAdapter.parse('etcd://B:1,a,[::1]:2379,a:2379/x').cluster).toBe(name);
    expect(etcdAdapter.parse('etcd://a:2379,b:1,[::1]/y/').cluster).toBe(name);
    expect(etcdAdapter.parse('etcds://a/y/').cluster).toBe('etcds://a:2379');
  });

  test('a key is percent-decoded once, down to bytes that are not UTF-8', () => {
    expect(etcdAdapter.parse('etcd://h/a%3Fb%2523/').target.prefix).toBe('a?b%23/');
    expect(etcdAdapter.parse('etcd://h/a/%ff').target.prefix).toBe('a/\udcff');
  });

  test.each([
    ['etcd://h:2379', 'etcd://h:2379/ to watch everything'],
    ['etcds://h', 'etcds://h/ to watch everything'],
    ['etcd:///a/', 'names no host'],
    ['etcd:a/', 'names no host'],
    ['etcd://h:99999/a/', 'not a port'],
    ['etcd://h/a/?timeout=1', 'not a query name'],
    ['etcd://h/a/#b', '%23'],
    ['etcd://h/a%zz', '%25'],
    ['etcd://root:hunter2@h/a/', 'do not belong in a URL'],
  ])('%s is refused with the way to write it', (url, hint) => {
    const text = codeOf(() => etcdAdapter.parse(url));
    expect(text).toMatch(/^INVALID_URL: /);
    expect(text).toContain(hint);
    expect(text).not.toContain('hunter2');
  });
});

describe('open', () => {
  const open = (url: string, options: object, logger: Logger = silentLogger) =>
    etcdAdapter.open(etcdAdapter.parse(url), { logger, timing: systemTiming, ...options });

  test.each([
    ['etcd://h/', { username: 'u' }, 'username'],
    ['etcd://h/', { password: 'hunter2' }, 'password'],
    ['etcd://h/', { tls: {} }, 'etcds://'],
    ['etcds://h/', { tls: { ca: '/etc/ca.pem' } }, 'tls.ca'],
    ['etcds://h/', { tls: { cert: '-----BEGIN X' } }, 'tls.key'],
    ['etcds://h/', { tls: { key: '-----BEGIN hunter2' } }, 'tls.cert'],
    ['etcd://h/', { maxMessageBytes: 1_000_000 }, 'maxMessageBytes'],
    ['etcd://h/', { maxMessageBytes: Number.NaN }, 'maxMessageBytes'],
  ])('%s with %j is refused', (url, options, field) => {
    const text = codeOf(() => open(url, options));
    expect(text).toMatch(/^INVALID_OPTION: /);
    expect(text).toContain(field);
    expect(text).not.toContain('hunter2');
  });

  test('insecureSkipVerify is loud', () => {
    const warnings: string[] = [];
    open(
      'etcds://h/',
      { tls: { insecureSkipVerify: true } },
      { ...silentLogger, warn: (_, text) => warnings.push(text) },
    );
    expect(warnings).toEqual([expect.stringContaining('NOT verified')]);
  });
});
