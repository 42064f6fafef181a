import { createConsulAdapter } from '@rollcall/consul';
import { createRegistry } from '@rollcall/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { textOf, Watching } from '../faults/consul-watching.js';
import { type Consul, startConsul } from '../support/consul.js';

let consul: Consul;
beforeAll(async () => {
  consul = await startConsul();
});
afterAll(() => consul[Symbol.asyncDispose]());

let services = 0;
/** A service of its own for each test. */
const fresh = (): string => `svc${services++}`;
const started = (query: string) => Watching.started(`consul://${consul.endpoint}/?${query}`);

const put = (path: string, body: object) => consul.http(path, { method: 'PUT', body });
/** In the catalog directly, on a node that has no agent. */
const register = (body: object) => put('/v1/catalog/register', { Node: 'n1', Address: '10.0.0.1', ...body });
const deregister = (body: object) => put('/v1/catalog/deregister', { Node: 'n1', ...body });
const registerCheck = (service: string, Status: string, Output = '') =>
  register({ SkipNodeUpdate: true, Check: { CheckID: `c:${service}`, Name: 'c', ServiceID: service, Status, Output } });
const setTtl = (service: string, Status: string, Output = '') =>
  put(`/v1/agent/check/update/service:${service}`, { Status, Output });

interface Endpoint {
  readonly port: number;
  readonly status: string;
}

const endpoints = (watching: Watching): Record<string, Endpoint> =>
  Object.fromEntries(
    Array.from(watching.model, ([key, entry]) => [key, JSON.parse(textOf(entry) as string) as Endpoint]),
  );

/** What Consul's HTTP API says: `<node>/<id>` and port. */
async function instances(service: string, query = ''): Promise<Record<string, number>> {
  const { body } = await consul.http(`/v1/health/service/${service}${query}`);
  const items = JSON.parse(body) as { Node: { Node: string }; Service: { ID: string; Port: number } }[];
  return Object.fromEntries(
    items.map(({ Node, Service }) => [`${Node.Node}/${encodeURIComponent(Service.ID)}`, Service.Port]),
  );
}

const ports = (watching: Watching): Record<string, number> =>
  Object.fromEntries(Object.entries(endpoints(watching)).map(([key, { port }]) => [key, port]));

describe('the instances of a service', () => {
  test('S01 none is a valid, empty state; they come, change and go', async () => {
    const web = fresh();
    await using watching = await started(`service=${web}`);
    expect(watching.model.size).toBe(0);
    await register({ Service: { ID: `${web}/1`, Service: web, Port: 80, Tags: ['b', 'a'], Meta: { z: '1', a: '2' } } });
    await watching.until('one', () => watching.model.size === 1);
    expect(textOf(watching.model.get(`n1/${web}%2F1`))).toBe(
      `{"host":"10.0.0.1","port":80,"id":"${web}/1","node":"n1","tags":["b","a"],"meta":{"a":"2","z":"1"},"status":"passing","weight":1}`,
    );
    await register({ Service: { ID: 'two', Service: web, Port: 81, Address: '10.9.9.9' } });
    await watching.until('two', () => watching.model.size === 2);
    await register({ Service: { ID: 'two', Service: web, Port: 82, Address: '10.9.9.9' } });
    await watching.until('port 82', () => endpoints(watching)['n1/two']?.port === 82);
    expect(ports(watching)).toEqual(await instances(web));
    await deregister({ ServiceID: `${web}/1` });
    await watching.until('one left', () => watching.model.size === 1);
    await deregister({ ServiceID: 'two' });
    await watching.until('none left', () => watching.model.size === 0);
    expect(watching.told).toEqual([
      `put n1/${web}%2F1`,
      'put n1/two',
      'put n1/two',
      `delete n1/${web}%2F1`,
      'delete n1/two',
    ]);
    expect(watching.statuses.map(({ state }) => state)).toEqual(['live']);
  });

  test('a check turns critical and back: with passing=true gone and back, else told as a status', async () => {
    const web = fresh();
    await put('/v1/agent/service/register', { Name: web, ID: web, Port: 80, Check: { TTL: '10m', Status: 'passing' } });
    await using passing = await started(`service=${web}&passing=true`);
    await using all = await started(`service=${web}`);
    const key = `consul0/${web}`;
    await setTtl(web, 'critical');
    await passing.until('gone', () => passing.model.size === 0);
    await all.until('critical', () => endpoints(all)[key]?.status === 'critical');
    await setTtl(web, 'passing');
    await passing.until('back', () => passing.model.size === 1);
    await all.until('passing', () => endpoints(all)[key]?.status === 'passing');
    expect(passing.told).toEqual([`delete ${key}`, `put ${key}`]);
    expect(all.told).toEqual([`put ${key}`, `put ${key}`]);
    expect(ports(passing)).toEqual(await instances(web, '?passing'));
    await put(`/v1/agent/service/deregister/${web}`, {});
  });

  test('S48 the output of a check changes: no batch', async () => {
    const web = fresh();
    await register({ Service: { ID: web, Service: web, Port: 80 } });
    await registerCheck(web, 'passing', 'run 0');
    await using watching = await started(`service=${web}`);
    const { version } = watching.watcher;
    const entry = watching.model.get(`n1/${web}`);
    const indexes = new Set<string | undefined>();
    for (let run = 1; run <= 3; run++) {
      await registerCheck(web, 'passing', `run ${run}`);
      // The answer did change: its index moved.
      await expect.poll(() => watching.watcher.snapshot?.revision).not.toSatisfy((index: string) => indexes.has(index));
      indexes.add(watching.watcher.snapshot?.revision);
    }
    await registerCheck(web, 'warning', 'run 4');
    await watching.until('the warning', () => watching.told.length > 0);
    expect(watching.told).toEqual([`put n1/${web}`]);
    expect(watching.watcher.version).toBe(version + 1);
    const [change] = watching.batches[1]?.changes ?? [];
    expect(change?.previous).toBe(entry);
    expect(Number(change?.revision)).toBeGreaterThan(Number(entry?.revision));
  });

  test('entries without metadata, port or checks do not cost the others', async () => {
    const web = fresh();
    await register({ Service: { ID: 'bare', Service: web, Meta: null, Tags: null } });
    await register({ Service: { ID: 'good', Service: web, Port: 80, Meta: { a: '1' } } });
    await using watching = await started(`service=${web}`);
    expect(endpoints(watching)).toMatchObject({ 'n1/bare': { port: 0, meta: {}, tags: [] }, 'n1/good': { port: 80 } });
  });

  test('tags (all of them) and a filter select; a filter that cannot be parsed is a clear error', async () => {
    const web = fresh();
    await register({ Service: { ID: 'a', Service: web, Port: 1, Tags: ['x'] } });
    await register({ Service: { ID: 'b', Service: web, Port: 2, Tags: ['x', 'y'] } });
    await register({ Service: { ID: 'c', Service: web, Port: 3, Tags: ['y'], Meta: { zone: 'eu' } } });
    await using tagged = await started(`service=${web}&tag=x&tag=y`);
    expect([...tagged.model.keys()]).toEqual(['n1/b']);
    await using filtered = await started(`service=${web}&filter=${encodeURIComponent('Service.Meta.zone == "eu"')}`);
    expect([...filtered.model.keys()]).toEqual(['n1/c']);
    await using wrong = new Watching(`consul://${consul.endpoint}/?service=${web}&filter=%28%28`);
    await expect(wrong.watcher.ready()).rejects.toMatchObject({
      code: 'INVALID_URL',
      message: expect.stringContaining('filter'),
    });
  });

  test('registered anew with the same content between two answers: a put', async () => {
    const web = fresh();
    const service = { Service: { ID: web, Service: web, Port: 80 } };
    await register(service);
    await using watching = await started(`service=${web}`);
    const before = watching.model.get(`n1/${web}`);
    await deregister({ ServiceID: web });
    await register(service);
    await watching.until('the change', () => {
      const now = watching.model.get(`n1/${web}`);
      return now !== undefined && now !== before;
    });
    expect(watching.model.get(`n1/${web}`)?.createRevision).not.toBe(before?.createRevision);
  });

  test('instances on several nodes; a node that leaves takes its own along', async () => {
    const web = fresh();
    await register({ Service: { ID: web, Service: web, Port: 80 } });
    await register({ Node: 'n2', Address: '10.0.0.2', Service: { ID: web, Service: web, Port: 80 } });
    await using watching = await started(`service=${web}`);
    expect([...watching.model.keys()]).toEqual([`n1/${web}`, `n2/${web}`]);
    await deregister({ Node: 'n2' });
    await watching.until('one left', () => watching.model.size === 1);
    expect(ports(watching)).toEqual(await instances(web));
  });
});

describe('the catalog', () => {
  test('nodes come and go', async () => {
    await using watching = await started('catalog=nodes');
    const own = JSON.parse(textOf(watching.model.get('consul0')) ?? '{}');
    expect(own).toMatchObject({ host: '127.0.0.1', node: 'consul0', dc: 'dc1' });
    await register({ Node: 'extra', Address: '10.0.0.3', NodeMeta: { rack: '7' } });
    await watching.until('extra', () => watching.model.has('extra'));
    expect(textOf(watching.model.get('extra'))).toBe(
      '{"host":"10.0.0.3","id":"","node":"extra","dc":"dc1","meta":{"rack":"7"}}',
    );
    const { body } = await consul.http('/v1/catalog/nodes');
    const nodes = (JSON.parse(body) as { Node: string }[]).map(({ Node }) => Node);
    expect([...watching.model.keys()].sort()).toEqual(nodes.sort());
    await deregister({ Node: 'extra' });
    await watching.until('gone', () => !watching.model.has('extra'));
  });

  test('services come, change their tags and go', async () => {
    const web = fresh();
    await using watching = await started('catalog=services');
    expect(textOf(watching.model.get('consul'))).toBe('{"service":"consul","tags":[]}');
    await register({ Service: { ID: web, Service: web, Tags: ['b', 'a'] } });
    await watching.until('there', () => textOf(watching.model.get(web)) === `{"service":"${web}","tags":["a","b"]}`);
    await register({ Service: { ID: web, Service: web, Tags: ['c'] } });
    await watching.until('tagged', () => textOf(watching.model.get(web)) === `{"service":"${web}","tags":["c"]}`);
    await deregister({ ServiceID: web });
    await watching.until('gone', () => !watching.model.has(web));
  });
});

test('one source reads any of them', async () => {
  const registry = createRegistry({ adapters: [createConsulAdapter()] });
  for (const query of ['service=consul', 'catalog=nodes', 'catalog=services']) {
    const { entries } = await registry.watch(`consul://${consul.endpoint}/?${query}`).read();
    expect(entries.size).toBeGreaterThan(0);
  }
  await registry.close();
});
