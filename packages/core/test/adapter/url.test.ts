import { keyFromBytes, keyToBytes, WatchError } from '@rollcall/core';
import { formatEndpoint, parseEndpoints, redactUrl, schemeOf, splitUrl, targetOf } from '@rollcall/core/adapter';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const SEED = { seed: 20_260_101, numRuns: 1000 };
const encode = (text: string): string =>
  [...keyToBytes(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
const keys = fc.uint8Array({ maxLength: 12 }).map(keyFromBytes);
const consul = { single: ['service', 'passing'], repeatable: ['tag'] };

function refusal(run: () => unknown): WatchError {
  try {
    run();
  } catch (error) {
    if (error instanceof WatchError) return error;
    throw error;
  }
  throw new Error('It was accepted.');
}

it.each([
  'etcd:user:S3cret@h:2379/x',
  'etcd:/user:S3cret@h:2379/x',
  'etcd:///user:S3cret@h/x',
  'etcd//user:S3cret@h/x',
  '//user:S3cret@h/x',
  'user:S3cret@h:2379',
  'consul:user:S3cret@h/',
  'file:/x?user:S3cret@h',
  'etcd://user:123#S3cret@h/x',
  'etcd://user:12?S3cret@h/x',
  'etcd://h/x?pwd=S3cret',
  'consul://h/?service=a&dc=u:S3cret@b&foo=1',
])('a slip in writing a password is not shown: %s', (url) => {
  expect(redactUrl(url)).not.toContain('S3cret');
});

it.each(['etcd://h:2379/users/a@b/', 'file:./a.yaml#b/user@host', 'file:./dir@2/a.yaml', 'memory:a@b'])(
  'a key or a path may hold an @: %s',
  (url) => {
    expect(redactUrl(url)).toBe(url);
  },
);

describe('splitUrl', () => {
  it('takes the one slash that is the URL’s own and leaves the rest as it is', () => {
    expect(splitUrl('etcd://h:2379/broker/kafka/').path).toBe('broker/kafka/');
    expect(splitUrl('etcd://h:2379//apisix/routes/').path).toBe('/apisix/routes/');
    expect(splitUrl('etcd://h/a/../b//./c').path).toBe('a/../b//./c');
    expect(splitUrl('etcd://h/').path).toBe('');
    expect(splitUrl('etcd://h').path).toBeUndefined();
  });

  it('tells a path without an authority from one with an empty one', () => {
    expect(splitUrl('file:./a.yaml#b/')).toEqual({
      scheme: 'file',
      authority: undefined,
      path: './a.yaml',
      query: {},
      fragment: 'b/',
    });
    expect(splitUrl('file:///etc/a.yaml')).toMatchObject({ authority: '', path: 'etc/a.yaml', fragment: undefined });
    expect(splitUrl('MEMORY:a#')).toMatchObject({ scheme: 'memory', path: 'a', fragment: '' });
  });

  it('decodes percent escapes once, whatever their bytes', () => {
    fc.assert(
      fc.property(keys, keys, (path, fragment) => {
        const parts = splitUrl(`etcd://h:1/${encode(path)}#${encode(fragment)}`);
        return parts.path === path && parts.fragment === fragment;
      }),
      SEED,
    );
    expect(splitUrl('etcd://h/%2541').path).toBe('%41');
    expect(splitUrl('etcd://h/a%3Fb%23c%25').path).toBe('a?b#c%');
    expect(splitUrl('etcd://h/%C3%A9%ff').path).toBe('é\udcff');
    expect(splitUrl('etcd://h/é☃').path).toBe('é☃');
  });

  it.each(['%', '%4', '%zz', 'a%', '%%41', '%e2%9'])('refuses the broken escape in %s', (path) => {
    const { code, message } = refusal(() => splitUrl(`etcd://h/${path}`));
    expect(code).toBe('INVALID_URL');
    expect(message).toMatch(/% that is not followed by two hex digits; write a literal % as %25/);
  });

  it('accepts a text or refuses it with INVALID_URL, whatever it is', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .array(
          fc.constantFrom(
            'etcd:',
            '//',
            '/',
            'h',
            ':1',
            '@',
            '?',
            '#',
            '%',
            '%41',
            'tag=',
            '&',
            '=',
            '[',
            '::1',
            ']',
            ',',
          ),
        )
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (url) => {
        try {
          const { authority } = splitUrl(url, consul);
          parseEndpoints(url, authority, 2379);
          return true;
        } catch (error) {
          return error instanceof WatchError && error.code === 'INVALID_URL';
        }
      }),
      SEED,
    );
  });

  it('reads known query names, each once unless it is repeatable', () => {
    expect(splitUrl('consul://h/?service=a%26b&tag=x&tag=y%3D&passing', consul).query).toEqual({
      service: ['a&b'],
      tag: ['x', 'y='],
      passing: [''],
    });
    expect(splitUrl('consul://h/?', consul).query).toEqual({});
    expect(splitUrl('consul://h/', consul).query).toEqual({});
  });

  it.each([
    ['consul://h/?servcie=a', '"servcie" is not a query name here; known: service, passing, tag'],
    ['consul://h/?service=a&service=b', '"service" is given twice'],
    ['consul://h/?__proto__=a', '"__proto__" is not a query name here'],
    ['consul://h/?&tag=a', '"" is not a query name here'],
    ['etcd://h/what?', undefined],
    ['etcd://h/what?now', 'this scheme has none (write a literal ? as %3F)'],
    ['no scheme', 'it does not begin with a scheme such as etcd:// or file:'],
    ['', 'it does not begin with a scheme'],
    ['//h/a', 'it does not begin with a scheme'],
  ])('%s: %s', (url, why) => {
    const names = schemeOf(url) === 'consul' ? consul : {};
    if (why === undefined) expect(splitUrl(url, names).query).toEqual({});
    else
      expect(refusal(() => splitUrl(url, names))).toMatchObject({
        code: 'INVALID_URL',
        message: expect.stringContaining(why),
      });
  });
});

describe('S55 secrets in a URL', () => {
  const secret = 'hunter2';

  it.each([
    `etcd://user:${secret}@h:2379/a/`,
    `etcd://${secret}@h/`,
    `etcd://user:p@${secret}@h/`,
    `etcd://user:${secret}@h`,
    `etcd://user:p/${secret}@h:2379/a/`,
    `etcd://user:p?${secret}@h:2379/a/`,
    `etcd://user:p#${secret}@h:2379/a@b/`,
    `etcd://user:${secret}/p@h:2379/a/`,
    `ETCD://user:${secret}@h/%zz`,
    `consul://h/?token=${secret}`,
    `consul://h/?tag=a&password=${secret}&tag=b`,
    `consul://h/?X-Consul-Token=${secret}#a`,
    `consul://h/a?api_key=${secret}`,
    `consul://h/?%74oken=${secret}`,
    `consul://h/?token=%zz${secret}`,
    `consul://h/?nonsense=%zz&token=${secret}`,
    `file:a.yaml?secret=${secret}`,
  ])('%s is refused without repeating the secret', (url) => {
    const { code, message, stack, cause } = refusal(() => splitUrl(url, consul));
    expect(code).toBe('INVALID_URL');
    expect([message, stack, String(cause)].join()).not.toContain(secret);
    expect(message).toContain('***');
    expect(redactUrl(url)).not.toContain(secret);
  });

  it('redactUrl leaves a URL without secrets as it is', () => {
    for (const url of [
      'etcd://h:1,[::1]:2/a@b/?x=y#z',
      'consul://h/?service=a&tag=b',
      'file:./a@b.yaml#k=v/',
      'memory:a',
    ])
      expect(redactUrl(url)).toBe(url);
  });

  it('redactUrl hides whatever is written as user info or as the value of a secret', () => {
    const text = fc.stringMatching(/^[a-z0-9:._~!$'()*+,;-]{4,12}$/);
    fc.assert(
      fc.property(text, fc.constantFrom('token', 'Password', 'my_secret', 'apikey'), (value, name) => {
        const inQuery = `consul://h/a?tag=b&${name}=${value}-hidden&tag=c#d`;
        return (
          redactUrl(`etcd://${value}-hidden@h/`) === 'etcd://***@h/' &&
          redactUrl(inQuery) === inQuery.replace(`${value}-hidden`, '***')
        );
      }),
      SEED,
    );
  });
});

describe('parseEndpoints', () => {
  it('reads several hosts, with and without a port, and IPv6 in brackets', () => {
    expect(parseEndpoints('etcd://', 'A:1,b,[::1]:3,[FE80::1]', 2379)).toEqual([
      { host: 'a', port: 1 },
      { host: 'b', port: 2379 },
      { host: '::1', port: 3 },
      { host: 'fe80::1', port: 2379 },
    ]);
  });

  it('is the inverse of formatEndpoint', () => {
    const endpoint = fc.record({
      host: fc.oneof(
        fc.ipV4(),
        fc.ipV6().filter((host) => /^[0-9a-f:.]+$/.test(host)),
        fc.domain().map((host) => host.toLowerCase()),
      ),
      port: fc.integer({ min: 1, max: 65535 }),
    });
    fc.assert(
      fc.property(fc.array(endpoint, { minLength: 1, maxLength: 4 }), (endpoints) => {
        const parsed = parseEndpoints('etcd://', endpoints.map(formatEndpoint).join(','), 1);
        return JSON.stringify(parsed) === JSON.stringify(endpoints);
      }),
      SEED,
    );
  });

  it.each([
    ['', 'it names no host; write etcd://127.0.0.1:2379/'],
    ['h:0', '"0" is not a port; it must be a number from 1 to 65535'],
    ['h:65536', '"65536" is not a port'],
    ['h:', '"" is not a port'],
    ['h:x', '"x" is not a port'],
    ['h:1.5', '"1.5" is not a port'],
    ['h:0x10', '"0x10" is not a port'],
    ['h:1e3', '"1e3" is not a port'],
    ['h:+1', '"+1" is not a port'],
    ['h: 1', '" 1" is not a port'],
    ['a,,b', '"" is not host:port'],
    ['::1', '"::1" is not host:port (an IPv6 address needs brackets)'],
    ['fe80::1:2379', 'needs brackets'],
    ['[::1', '"[::1" is not host:port'],
    [':2379', '":2379" is not host:port'],
    ['a b:1', '"a b:1" is not host:port'],
  ])('refuses %j: %s', (authority, why) => {
    const error = refusal(() => parseEndpoints(`etcd://${authority}/`, authority, 2379));
    expect(error).toMatchObject({ code: 'INVALID_URL', message: expect.stringContaining(why) });
  });
});

describe('targetOf', () => {
  it.each([
    ['', { prefix: '' }],
    ['a/', { prefix: 'a/' }],
    ['/', { prefix: '/' }],
    ['a', { prefix: 'a', exact: true }],
    ['a/b', { prefix: 'a/b', exact: true }],
  ])('%j is %j', (path, target) => expect(targetOf(path)).toEqual(target));
});
