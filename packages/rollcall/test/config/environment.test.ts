import { schemeOf } from '@rollcall/core/adapter';
import { describe, expect, it } from 'vitest';
import { builtInAdapters } from '../../src/adapters.js';
import { firstOf } from '../../src/config/connection.js';
import { connectionFrom as connectionWith, type Environment, withEndpoints } from '../../src/config/environment.js';

const read = (path: string): string => `PEM of ${path}`;

/** With the credentials that the URL's own adapter asks for. */
function connectionFrom(env: Environment, url: string, readFile: (path: string) => string) {
  const adapter = builtInAdapters().find(({ schemes }) => schemes.includes(schemeOf(url) ?? ''));
  return connectionWith(env, url, adapter?.credentials ?? [], readFile);
}

describe('credentials from the environment', () => {
  it('are those of ROLLCALL_* that the adapter asks for', () => {
    const env = {
      ROLLCALL_USERNAME: 'app',
      ROLLCALL_PASSWORD: 'pw',
      ROLLCALL_TOKEN: 't',
      ROLLCALL_CA: 'ca.pem',
      ROLLCALL_CERT: 'cert.pem',
      ROLLCALL_KEY: 'key.pem',
    };
    expect(connectionFrom(env, 'mine://h/', read)).toEqual({});
    expect(connectionWith(env, 'mine://h/', ['token'], read)).toEqual({ token: 't' });
    expect(connectionWith(env, 'mine://h/', ['username', 'password', 'token', 'tls'], read)).toEqual({
      username: 'app',
      password: 'pw',
      token: 't',
      tls: { ca: 'PEM of ca.pem', cert: 'PEM of cert.pem', key: 'PEM of key.pem' },
    });
  });

  it('are not for a file or the memory', () => {
    const env = { ROLLCALL_TOKEN: 't', ROLLCALL_CA: 'nope.pem' };
    expect([connectionFrom(env, 'file:a.yaml', read), connectionFrom(env, 'memory:a', read)]).toEqual([{}, {}]);
  });

  it('are nothing at all where nothing is set', () => {
    expect(connectionFrom({ ROLLCALL_TOKEN: '' }, 'etcd://h/', read)).toEqual({});
  });

  it("are ETCDCTL_USER's for etcd alone", () => {
    const env = { ETCDCTL_USER: 'root:a:b' };
    expect(connectionFrom(env, 'etcds://h/', read)).toEqual({ username: 'root', password: 'a:b' });
    expect(connectionFrom(env, 'file:a.yaml', read)).toEqual({});
  });

  it('are only those that the backend can use', () => {
    const env = { ROLLCALL_USERNAME: 'app', ROLLCALL_PASSWORD: 'pw', CONSUL_HTTP_TOKEN: 't', ROLLCALL_CA: 'ca.pem' };
    expect(connectionFrom(env, 'consul://h/', read)).toEqual({ token: 't' });
    expect(connectionFrom(env, 'consuls://h/', read)).toEqual({ token: 't', tls: { ca: 'PEM of ca.pem' } });
    expect(connectionFrom({ ...env, ROLLCALL_TOKEN: 'ours' }, 'consul://h/', read)).toEqual({ token: 'ours' });
    expect(connectionFrom(env, 'etcd://h/', read)).toEqual({ username: 'app', password: 'pw' });
  });

  it('name the variable whose file cannot be read', () => {
    const fail = (): string => {
      throw new Error('ENOENT');
    };
    expect(() => connectionFrom({ ROLLCALL_CA: 'nope.pem' }, 'etcds://h/', fail)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining('ROLLCALL_CA') }),
    );
  });
});

describe('the first of two connections', () => {
  it('wins field by field', () => {
    const first = { username: 'app', tls: { serverName: 'etcd' } };
    const second = { password: 'pw', token: 't', tls: { serverName: 'other', ca: 'CA' } };
    expect(firstOf(first, second)).toEqual({
      username: 'app',
      password: 'pw',
      token: 't',
      tls: { serverName: 'etcd', ca: 'CA' },
    });
  });

  it("never takes another user's password", () => {
    expect(firstOf({ username: 'app' }, { username: 'root', password: 'pw' })).toEqual({ username: 'app' });
    expect(firstOf({ username: 'root' }, { username: 'root', password: 'pw' })).toEqual({
      username: 'root',
      password: 'pw',
    });
  });
});

describe('ETCDCTL_ENDPOINTS', () => {
  it.each([
    ['etcd:///a/', '10.0.0.1:2379,10.0.0.2:2379', 'etcd://10.0.0.1:2379,10.0.0.2:2379/a/'],
    ['etcd:///a/', 'http://h:2379/', 'etcd://h:2379/a/'],
    ['etcd:///a/', 'https://h:2379', 'etcds://h:2379/a/'],
    ['etcds:///a/', 'h:2379', 'etcds://h:2379/a/'],
    ['etcd:////a/', 'h:2379', 'etcd://h:2379//a/'],
    ['etcd://other:1/a/', 'h:2379', 'etcd://other:1/a/'],
    ['file:///a.yaml', 'h:2379', 'file:///a.yaml'],
  ])('%s with %s is %s', (url, ETCDCTL_ENDPOINTS, expected) => {
    expect(withEndpoints({ ETCDCTL_ENDPOINTS }, url)).toBe(expected);
  });

  it.each([
    ['consul:///a/', 'h:8500', 'consul://h:8500/a/'],
    ['consul:///?service=kafka', 'https://h:8501', 'consuls://h:8501/?service=kafka'],
  ])('CONSUL_HTTP_ADDR does the same: %s with %s is %s', (url, CONSUL_HTTP_ADDR, expected) => {
    expect(withEndpoints({ CONSUL_HTTP_ADDR }, url)).toBe(expected);
  });

  it('must not mix http and https', () => {
    const env = { ETCDCTL_ENDPOINTS: 'http://a:2379,https://b:2379' };
    expect(() => withEndpoints(env, 'etcd:///a/')).toThrow(/mixes http and https/);
  });
});
