import { systemTiming, WatchError } from '@rollcall/core';
import { silentLogger } from '@rollcall/core/internal';
import { describe, expect, test } from 'vitest';
import { consulAdapter, createConsulAdapter } from '../src/index.js';

const parse = (url: string) => consulAdapter.parse(url);

describe('what a URL watches', () => {
  test.each([
    ['consul://h/', { prefix: '' }],
    ['consul://h/a/', { prefix: 'a/' }],
    ['consul://h/a', { prefix: 'a', exact: true }],
    ['consul://h//lead/', { prefix: '/lead/' }],
    ['consul://h/a%20b%C3%A9/?dc=x', { prefix: 'a bé/' }],
    ['consul://h/?service=kafka', { prefix: '', query: { service: ['kafka'] } }],
    ['consul://h?service=kafka&passing=false', { prefix: '', query: { service: ['kafka'] } }],
    [
      'consul://h/?service=k&tag=b&passing=true&tag=a&tag=b&filter=ServiceMeta.x%20%3D%3D%20y',
      { prefix: '', query: { service: ['k'], tag: ['a', 'b'], passing: ['true'], filter: ['ServiceMeta.x == y'] } },
    ],
    ['consul://h/?catalog=nodes&filter=Node==x', { prefix: '', query: { catalog: ['nodes'], filter: ['Node==x'] } }],
    ['consul://h/?catalog=services', { prefix: '', query: { catalog: ['services'] } }],
  ])('%s', (url, target) => {
    expect(parse(url).target).toEqual(target);
  });

  test.each([
    ['consul://h', 'no path'],
    ['consul://h/a#b', '%23'],
    ['consul://h/a%FF/', 'not UTF-8'],
    ['consul://h/a//b', 'two slashes'],
    ['consul://h///a', 'two slashes'],
    ['consul://h/a/../b', '".."'],
    ['consul://h/./a', '".."'],
    ['consul://h/a/..', '".."'],
    ['consul://h/x?service=a', 'leave the path out'],
    ['consul://h/?service=a&catalog=nodes', 'one URL each'],
    ['consul://h/?service=', '"service" has no value'],
    ['consul://h/?service=a&tag=', '"tag" has no value'],
    ['consul://h/?service=a&passing=yes', '"passing" must be true or false'],
    ['consul://h/?service=%FF', 'not UTF-8'],
    ['consul://h/?catalog=checks', '"catalog" must be'],
    ['consul://h/?catalog=nodes&tag=x', '"tag" needs a "service"'],
    ['consul://h/?catalog=nodes&passing=true', '"passing" needs a "service"'],
    ['consul://h/?passing=true', '"passing" needs a "service"'],
    ['consul://h/a?filter=x', '"filter" needs'],
    ['consul://h/?dc=', '"dc" has no value'],
    ['consul://h/?dc=a&dc=b', '"dc" is given twice'],
    ['consul://h/?stale', 'not a query name'],
    ['consul://h/?consistency=eventual', '"consistency" must be default, consistent or stale'],
    ['consul://h/?consistency=', '"consistency" must be'],
    ['consul://h/?service=a&cached=yes', '"cached" must be true or false'],
    ['consul://h/?service=a&cached=true&consistency=stale', 'leave one of them out'],
    ['consul://h/a/?cached=true', 'no agent caches the KV store; leave "cached" out'],
    ['consul://h/?catalog=nodes&cached=true', 'no agent caches the nodes; leave "cached" out'],
    ['consul://h/?max-stale=5s', '"max-stale" needs'],
    ['consul://h/?consistency=consistent&max-stale=5s', '"max-stale" needs'],
    ['consul://h/?consistency=stale&max-stale=5', 'such as 500ms, 5s or 1m'],
    ['consul://h/?consistency=stale&max-stale=0s', 'above 0'],
    ['consul://h/?consistency=stale&max-stale=-1s', 'above 0'],
    ['consul://h/?token=sekret', 'does not belong in a URL'],
  ])('refuses %s', (url, message) => {
    const error = thrown(() => parse(url));
    expect(error).toMatchObject({ code: 'INVALID_URL', message: expect.stringContaining(message) });
    expect(error.message).not.toContain('sekret');
  });
});

describe('which cluster a URL is in', () => {
  test('endpoints are sorted, each once, with their port', () => {
    expect(parse('consul://B:1,a,[::1]:2,a:8500/x').cluster).toBe('consul://[::1]:2,a:8500,b:1');
    expect(parse('consuls://a/x').cluster).toBe('consuls://a:8500');
  });

  test('datacenter, namespace and partition are part of it, so that writes go there too', () => {
    expect(parse('consul://a/x?partition=p%26&dc=d&namespace=n').cluster).toBe(
      'consul://a:8500?dc=d&namespace=n&partition=p%26',
    );
  });
});

describe('how consistent its answers must be is part of the cluster, so that `prefix:` keeps it', () => {
  test.each([
    ['consul://a/x?consistency=default', ''],
    ['consul://a/x?consistency=consistent', '?consistency=consistent'],
    ['consul://a/x?consistency=stale', '?consistency=stale'],
    ['consul://a/x?max-stale=5s&consistency=stale', '?consistency=stale'],
    ['consul://a/x?consistency=stale&max-stale=1m', '?consistency=stale&max-stale=60000ms'],
    ['consul://a/x?consistency=stale&max-stale=60s', '?consistency=stale&max-stale=60000ms'],
    ['consul://a/?service=x&cached=false', ''],
    ['consul://a/?service=x&cached=true', '?cached=true'],
    ['consul://a/?catalog=services&cached=true&max-stale=500ms', '?cached=true&max-stale=500ms'],
    ['consul://a/x?dc=d&consistency=stale', '?dc=d&consistency=stale'],
  ])('%s', (url, query) => {
    const location = parse(url);
    const { cluster, target } = location;
    expect(cluster).toBe(`consul://a:8500${query}`);
    expect(target).toEqual(parse(url.replace(/&?(consistency|max-stale|cached)=\w+/g, '')).target);
    // It can be opened, too.
    consulAdapter.open(location, { logger: silentLogger, timing: systemTiming });
  });

  test('with `prefix:` in place of what is cached: a clear error', async () => {
    const location = parse('consul://a/?service=x&cached=true');
    await using source = consulAdapter.open(
      { ...location, target: { prefix: 'a/' } },
      { logger: silentLogger, timing: systemTiming },
    );
    const { signal } = new AbortController();
    const told = expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining('"cached"') });
    const updates = source.watch({ prefix: 'a/' }, { signal })[Symbol.asyncIterator]();
    await expect(updates.next()).rejects.toEqual(told);
    await expect(source.read?.({ prefix: 'a/' }, { signal })).rejects.toEqual(told);
  });
});

describe('options', () => {
  test.each([
    ['consul://h/', { tls: {} }, 'consuls://'],
    ['consuls://h/', { tls: { cert: '-----BEGIN CERTIFICATE-----' } }, 'tls.key beside it'],
    ['consuls://h/', { tls: { key: '-----BEGIN PRIVATE KEY-----' } }, 'tls.cert beside it'],
    ['consul://h/', { username: 'me' }, 'give a token'],
    ['consul://h/', { token: 'se\nkret' }, 'a line break'],
  ])('%s with %j', (url, options, message) => {
    const error = thrown(() =>
      consulAdapter.open(parse(url), { ...options, logger: silentLogger, timing: systemTiming }),
    );
    expect(error).toMatchObject({ code: 'INVALID_OPTION', message: expect.stringContaining(message) });
    expect(error.message).not.toContain('kret');
  });

  test.each([0, Number.NaN, 600_001])('a wait of %d ms is refused', (waitMs) => {
    expect(thrown(() => createConsulAdapter({ waitMs })).code).toBe('INVALID_OPTION');
  });

  test.each([0, 1, 2.5, Number.NaN])('%d connections are refused', (connections) => {
    const error = thrown(() => createConsulAdapter({ connections }));
    expect(error).toMatchObject({ code: 'INVALID_OPTION', message: expect.stringContaining('connections') });
  });

  test('a link is taken for dead after the wait, a sixteenth of it and 3 s', () => {
    const open = (waitMs?: number) =>
      createConsulAdapter(waitMs === undefined ? {} : { waitMs }).open(parse('consul://h/'), {
        logger: silentLogger,
        timing: systemTiming,
      });
    expect(open().maxSilenceMs).toBe(55_000 + 3_437.5 + 3_000);
    expect(open(16_000).maxSilenceMs).toBe(20_000);
  });

  test('unverified certificates are warned of', () => {
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (_: object, message: string) => warnings.push(message) };
    consulAdapter.open(parse('consuls://h/'), { tls: { insecureSkipVerify: true }, logger, timing: systemTiming });
    expect(warnings).toEqual([expect.stringContaining('NOT verified')]);
  });
});

function thrown(run: () => unknown): WatchError {
  try {
    run();
  } catch (error) {
    if (error instanceof WatchError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
