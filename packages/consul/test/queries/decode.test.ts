import type { Entry } from '@rollcall/core';
import type { Target } from '@rollcall/core/adapter';
import { describe, expect, test } from 'vitest';
import { type KnownEntries, NOTHING, Pairs } from '../../src/queries/entries.js';
import type { DecodeContext } from '../../src/queries/query.js';
import { queryOf } from '../../src/queries/queryOf.js';

const text = ({ value }: Entry): string => Buffer.from(value).toString();

function pairsOf(target: Target, json: unknown, before: Partial<DecodeContext> = {}) {
  return queryOf(target).decoder({ known: NOTHING, index: '99', ...before })(json);
}

function decode(target: Target, json: unknown, before?: Partial<DecodeContext>) {
  const decoded = pairsOf(target, json, before);
  if (decoded === undefined) throw new Error('not an answer');
  return { entries: Object.fromEntries(decoded.pairs) as Record<string, Entry>, malformed: decoded.malformed };
}

const knowing = (entries: Readonly<Record<string, Entry>>): KnownEntries => new Pairs(Object.entries(entries));

describe('KV', () => {
  const base64 = (value: string): string => Buffer.from(value).toString('base64');
  const pair = (Key: string, more = {}) => ({ Key, Value: base64('v'), CreateIndex: 3, ModifyIndex: 5, ...more });

  test('keys are relative to the prefix, and ModifyIndex and CreateIndex are the revisions', () => {
    const { entries } = decode({ prefix: 'a/' }, [pair('a/'), pair('a/b')]);
    expect(Object.keys(entries)).toEqual(['', 'b']);
    expect(entries.b).toEqual({ value: new Uint8Array(Buffer.from('v')), revision: '5', createRevision: '3' });
  });

  test("S04 Consul's null is an empty value, not a missing one", () => {
    expect(decode({ prefix: '' }, [pair('a', { Value: null })]).entries.a?.value).toEqual(new Uint8Array());
  });

  test('an index that a JavaScript number cannot hold exactly is left out', () => {
    const { entries } = decode({ prefix: '' }, [
      pair('a', { ModifyIndex: 2 ** 53 - 1 }),
      pair('b', { ModifyIndex: 2 ** 53 }),
    ]);
    expect(entries.a?.revision).toBe('9007199254740991');
    expect(entries.b).not.toHaveProperty('revision');
  });

  test('malformed pairs do not cost the others', () => {
    const { entries, malformed } = decode({ prefix: 'a/' }, [null, 1, {}, { Key: 7 }, pair('other'), pair('a/b')]);
    expect(Object.keys(entries)).toEqual(['b']);
    expect(malformed).toBe(5);
  });

  test.each([undefined, '<html>', null, {}])('%j is no answer', (json) => {
    expect(pairsOf({ prefix: '' }, json)).toBeUndefined();
  });

  describe('what is known already', () => {
    const target = { prefix: 'a/' };
    const { entries } = decode(target, [pair('a/b'), pair('a/c'), pair('a/d')]);
    const known = knowing(entries);

    test('is the very entry, wherever others came or went', () => {
      const items = [pair('a/a', { ModifyIndex: 6 }), pair('a/c'), pair('a/cc', { ModifyIndex: 7 }), pair('a/d')];
      const now = decode(target, items, { known }).entries;
      expect(Object.keys(now)).toEqual(['a', 'c', 'cc', 'd']);
      expect(now.c).toBe(entries.c);
      expect(now.d).toBe(entries.d);
    });

    test('S44 is compared by its bytes, too: a restored snapshot may have others at the same ModifyIndex', () => {
      const items = [pair('a/b', { Value: base64('w') }), pair('a/c')];
      const now = decode(target, items, { known }).entries;
      expect(text(now.b as Entry)).toBe('w');
      expect(now.c).toBe(entries.c);
    });

    test.each([{ ModifyIndex: 6 }, { CreateIndex: 4 }, { Value: null }])('is not what has %j', (more) => {
      const now = decode(target, [pair('a/b', more)], { known }).entries;
      expect(now.b).not.toBe(entries.b);
      expect(now.b).toEqual(decode(target, [pair('a/b', more)]).entries.b);
    });
  });

  test('a key that Consul would read as another one is refused', () => {
    for (const prefix of ['a//', 'a/./b', 'x\udcff']) {
      expect(() => queryOf({ prefix })).toThrowError(expect.objectContaining({ code: 'INVALID_OPTION' }));
    }
    expect(() => queryOf({ prefix: '/a...b/.c/' })).not.toThrow();
  });
});

describe('service instances', () => {
  const target = { prefix: '', query: { service: ['web'] } };
  const instance = (service = {}, { node = {}, checks = [] as object[] } = {}) => ({
    Node: { Node: 'n1', Address: '10.0.0.1', ModifyIndex: 4, ...node },
    Service: {
      ID: 'web-1',
      Service: 'web',
      Tags: ['b', 'a'],
      Address: '10.0.0.9',
      Port: 80,
      Meta: { z: '1', a: '2' },
      Weights: { Passing: 3, Warning: 2 },
      CreateIndex: 5,
      ModifyIndex: 6,
      ...service,
    },
    Checks: checks,
  });
  const check = (Status: string, more = {}) => ({ CheckID: 'c', Status, ModifyIndex: 5, ...more });

  test('an instance is endpoint JSON whose fields have one order', () => {
    const { entries } = decode(target, [instance()]);
    const entry = entries['n1/web-1'] as Entry;
    expect(text(entry)).toBe(
      '{"host":"10.0.0.9","port":80,"id":"web-1","node":"n1","tags":["b","a"],"meta":{"a":"2","z":"1"},"status":"passing","weight":3}',
    );
    expect(entry).toMatchObject({ revision: '6', createRevision: '5' });
  });

  test('node and id are percent-encoded: ids may contain a slash', () => {
    const { entries } = decode(target, [instance({ ID: 'w/1 é' }, { node: { Node: 'n/1' } })]);
    expect(Object.keys(entries)).toEqual(['n%2F1/w%2F1%20%C3%A9']);
  });

  test('without an address of its own an instance has that of its node, and without an id its name', () => {
    const { entries } = decode(target, [instance({ Address: '', ID: '' })]);
    expect(JSON.parse(text(entries['n1/web'] as Entry))).toMatchObject({ host: '10.0.0.1', id: 'web' });
  });

  test.each([
    [['passing'], 'passing', 3],
    [['passing', 'warning'], 'warning', 2],
    [['warning', 'critical', 'passing'], 'critical', 3],
  ])('the worst of the checks %j counts', (statuses, status, weight) => {
    const { entries } = decode(target, [instance({}, { checks: statuses.map((each) => check(each)) })]);
    expect(JSON.parse(text(entries['n1/web-1'] as Entry))).toMatchObject({ status, weight });
  });

  test.each(['_node_maintenance', '_service_maintenance:web-1'])('%s is maintenance', (CheckID) => {
    const { entries } = decode(target, [instance({}, { checks: [check('critical', { CheckID })] })]);
    expect(JSON.parse(text(entries['n1/web-1'] as Entry))).toMatchObject({ status: 'maintenance' });
  });

  test('malformed items do not cost the others: Meta null, port 0 and no checks are told, what is no instance is left out', () => {
    const { entries, malformed } = decode(target, [
      null,
      { Node: { Node: 'x', Address: 'h' } },
      { Node: null, Service: { ID: 'x' } },
      instance({ ID: 'no-host', Address: '' }, { node: { Address: '' } }),
      { Node: { Node: 'n2', Address: 'h2' }, Service: { ID: 'bare', Meta: null, Tags: null, Port: 0 } },
      instance(),
    ]);
    expect(Object.keys(entries)).toEqual(['n2/bare', 'n1/web-1']);
    expect(malformed).toBe(4);
    expect(text(entries['n2/bare'] as Entry)).toBe(
      '{"host":"h2","port":0,"id":"bare","node":"n2","tags":[],"meta":{},"status":"passing","weight":1}',
    );
  });

  test('the revision is that of the newest part, and the output of a check changes nothing', () => {
    const run = (ModifyIndex: number) => [
      instance({}, { checks: [check('passing', { ModifyIndex, Output: `run ${ModifyIndex}` })] }),
    ];
    const before = decode(target, run(5)).entries;
    expect(before['n1/web-1']?.revision).toBe('6');
    expect(decode(target, run(9)).entries['n1/web-1']?.revision).toBe('9');
    expect(decode(target, run(9), { known: knowing(before) }).entries['n1/web-1']).toBe(before['n1/web-1']);
  });

  test('an instance that was registered anew, or is of a history that went back, is another one', () => {
    const before = decode(target, [instance()]).entries;
    const known = knowing(before);
    const anew = decode(target, [instance({ CreateIndex: 7 })], { known }).entries['n1/web-1'];
    expect(anew?.createRevision).toBe('7');
    expect(decode(target, [instance()], { known, index: '5' }).entries['n1/web-1']).not.toBe(before['n1/web-1']);
  });

  test('any instance that is missing is doubted', () => {
    const query = queryOf(target);
    const { entries } = decode(target, [instance(), instance({ ID: 'web-2' })]);
    const known = knowing(entries);
    expect(query.lost(known, known)).toBe(false);
    expect(query.lost(known, new Pairs([...Object.entries(entries)].slice(1)))).toBe(true);
    expect(query.lost(NOTHING, known)).toBe(false);
  });
});

describe('the catalog', () => {
  test('nodes', () => {
    const { entries, malformed } = decode({ prefix: '', query: { catalog: ['nodes'] } }, [
      { ID: 'i', Node: 'n/1', Address: 'h', Datacenter: 'dc1', Meta: null, CreateIndex: 2, ModifyIndex: 3 },
      { Node: 'no address' },
      null,
    ]);
    expect(Object.keys(entries)).toEqual(['n%2F1']);
    expect(text(entries['n%2F1'] as Entry)).toBe('{"host":"h","id":"i","node":"n/1","dc":"dc1","meta":{}}');
    expect(entries['n%2F1']).toMatchObject({ revision: '3', createRevision: '2' });
    expect(malformed).toBe(2);
  });

  test('services, whose tags come in a different order each time', () => {
    const target = { prefix: '', query: { catalog: ['services'] } };
    const [one, two] = [
      ['b', 'a'],
      ['a', 'b'],
    ].map((web) => decode(target, { web, consul: null }).entries);
    expect(text(one?.web as Entry)).toBe('{"service":"web","tags":["a","b"]}');
    expect(text(one?.consul as Entry)).toBe('{"service":"consul","tags":[]}');
    expect(one).toEqual(two);
    expect(pairsOf(target, [])).toBeUndefined();
  });
});
