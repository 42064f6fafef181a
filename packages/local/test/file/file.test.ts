import { join, resolve } from 'node:path';
import { fileAdapter } from '@rollcall/local';
import { describe, expect, it } from 'vitest';

describe('a file URL', () => {
  it.each([
    ['file:./brokers.yaml#broker/kafka/', resolve('brokers.yaml'), { prefix: 'broker/kafka/' }],
    ['file:brokers.yaml', resolve('brokers.yaml'), { prefix: '' }],
    ['FILE:../a.json#', resolve('../a.json'), { prefix: '' }],
    ['file:/etc/brokers.yaml#a', '/etc/brokers.yaml', { prefix: 'a', exact: true }],
    ['file:///etc/brokers.d/', '/etc/brokers.d', { prefix: '' }],
    ['file://localhost/etc/x', '/etc/x', { prefix: '' }],
    ['file:./a%20b%23c%3f.yaml#p%2Fq%25/', join(process.cwd(), 'a b#c?.yaml'), { prefix: 'p/q%/' }],
    ['file:/x#%ff/', '/x', { prefix: '\udcff/' }],
  ])('%s', (url, cluster, target) => {
    expect(fileAdapter.parse(url)).toEqual({ cluster, target });
  });

  it.each([
    ['file:', /names no file/],
    ['file:#a/', /names no file/],
    ['file://./brokers.yaml', /"\." would be a host.*file:\.\/path/],
    ['file://host/brokers.yaml', /"host" would be a host/],
    ['file://user:secret@localhost/x', /user and password do not belong/],
    ['file:./x?dc=1', /"dc" is not a query name/],
    ['file:./x%zz', /two hex digits/],
    ['file:./x%00', /NUL/],
  ])('%s is refused', (url, message) => {
    expect(() => fileAdapter.parse(url)).toThrow(expect.objectContaining({ code: 'INVALID_URL' }));
    expect(() => fileAdapter.parse(url)).toThrow(message);
    expect(() => fileAdapter.parse(url)).not.toThrow(/secret/);
  });
});
