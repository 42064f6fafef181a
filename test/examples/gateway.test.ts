import { once } from 'node:events';
import { mkdtemp, rename, writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest, type IncomingMessage, type RequestListener } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import autocannon from 'autocannon';
import { Etcd3 } from 'etcd3';
import { createRollcall, type Logger } from 'rollcall';
import { afterEach, describe, expect, test } from 'vitest';
import { createGateway } from '../../examples/gateway/src/gateway.js';
import { createTables, type Table } from '../../examples/gateway/src/table.js';
import { startConsul } from '../support/consul.js';
import { startEtcd } from '../support/etcd.js';
import { freePort } from '../support/ports.js';
import { ExampleProcess } from './exampleProcess.js';

const quiet = (): void => {};
const logger: Logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };
const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

/** A server that answers as it is told, on a port of its own. */
async function node(listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A gateway on what is under a URL. */
async function gatewayOf(url: string) {
  const rollcall = createRollcall({ logger });
  const tables = createTables(rollcall.watch(url), logger);
  const gateway = await createGateway(tables, { host: '127.0.0.1', port: 0, logger });
  opened.push(async () => {
    await gateway.close();
    await rollcall.close();
  });
  return { ...tables, origin: `http://127.0.0.1:${gateway.port}`, port: gateway.port };
}

/** A gateway on routes and upstreams that stay, and what else is under the prefix. */
async function gatewayOn(values: Record<string, unknown>) {
  const file = join(await mkdtemp(join(tmpdir(), 'rollcall-gateway-')), 'keys.json');
  await writeFile(file, JSON.stringify(values));
  const gateway = await gatewayOf(`file:${file}`);
  await Promise.all(Object.values(gateway.collections).map((each) => each.ready()));
  return {
    ...gateway,
    write: async (next: Record<string, unknown>) => {
      await writeFile(`${file}.new`, JSON.stringify(next));
      await rename(`${file}.new`, file);
    },
  };
}

const to = (...ports: number[]) => ({ nodes: ports.map((port) => ({ host: '127.0.0.1', port })) });

/** What the gateway answers to bytes as they are. */
async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(text.replaceAll('\n', '\r\n'));
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  return answer;
}

const hello: RequestListener = (_, response) => response.end('HelloWorld');

describe('in its smallest form, as a program', () => {
  test.each(['etcd', 'consul', 'file'])('one key in %s is the upstream of every path', async (backend) => {
    const port = await node(hello);
    const value = JSON.stringify({ host: '127.0.0.1', port });
    const { url, put, remove } = await storeIn(backend);
    const listen = `127.0.0.1:${await freePort()}`;
    await using gateway = await ExampleProcess.start('gateway', [url, '--listen', listen]);
    await gateway.said('Listening on');
    const get = () => fetch(`http://${listen}/any/path`).then(async (got) => `${got.status} ${await got.text()}`);
    const becomes = async (expected: string): Promise<void> => {
      while ((await get()).trim() !== expected) await delay(20);
    };
    await becomes('404 There is no route.');
    await put('node', value);
    await becomes('200 HelloWorld');
    await remove('node');
    await becomes('404 There is no route.');
    expect(await gateway.stop('SIGTERM')).toBe(0);
  });
});

/** An empty store of a backend, its URL, and how keys are written. */
async function storeIn(backend: string) {
  if (backend === 'etcd') {
    const etcd = await startEtcd();
    opened.push(() => etcd[Symbol.asyncDispose]());
    const put = (key: string, value: string) => etcd.etcdctl(['put', `/test/${key}`, value]);
    const remove = (key: string) => etcd.etcdctl(['del', `/test/${key}`]);
    return { url: `etcd://${etcd.endpoint}//test/`, put, remove };
  }
  if (backend === 'consul') {
    const consul = await startConsul();
    opened.push(() => consul[Symbol.asyncDispose]());
    const put = (key: string, body: string) => consul.http(`/v1/kv/test/${key}`, { method: 'PUT', body });
    const remove = (key: string) => consul.http(`/v1/kv/test/${key}`, { method: 'DELETE' });
    return { url: `consul://${consul.endpoint}/test/`, put, remove };
  }
  const file = join(await mkdtemp(join(tmpdir(), 'rollcall-gateway-')), 'keys.json');
  await writeFile(file, '{}');
  const put = (key: string, value: string) => writeFile(file, JSON.stringify({ [key]: JSON.parse(value) }));
  return { url: `file:${file}`, put, remove: () => writeFile(file, '{}') };
}

test('before the first state it answers 503', async () => {
  const { origin } = await gatewayOf(`etcd://127.0.0.1:${await freePort()}/nothing/`);
  const { status, headers } = await fetch(origin);
  expect([status, headers.get('retry-after')]).toEqual([503, '1']);
});

test('requests go by host, path and method; what is bad stays as it was, and shows in quarantine', async () => {
  const says = (text: string) => node((_, response) => response.end(text));
  const [a, b] = [await says('a'), await says('b')];
  const keys = {
    'routes/1': { path: '/api/:id', methods: ['GET'], service: 's' },
    'routes/2': { path: '/*', host: 'B.Example', upstream: 'b' },
    'routes/3': { path: '/lost', upstream: 'none' },
    'services/s': { upstream: 'a' },
    'upstreams/a': to(a),
    'upstreams/b': to(b),
    'routes/': 'init_dir',
  };
  const { origin, collections, write } = await gatewayOn(keys);
  const get = async (path: string, { host = 'x.example', method = 'GET' } = {}): Promise<string> => {
    const [answer] = (await once(httpRequest(`${origin}${path}`, { method, headers: { host } }).end(), 'response')) as [
      IncomingMessage,
    ];
    return `${answer.statusCode} ${Buffer.concat(await answer.toArray())}`;
  };
  expect(await get('/api/7')).toBe('200 a');
  expect(await get('/api/7', { method: 'POST' })).toMatch(/^404/);
  expect(await get('/else')).toMatch(/^404/);
  expect(await get('/else', { host: 'B.example:8080' })).toBe('200 b');
  expect(await get('/lost')).toMatch(/^503/);
  expect(collections.routes.quarantine.size).toBe(0);

  const changed = new Promise<void>((resolve) => void collections.routes.onChange(resolve));
  const bad = { path: 'no-slash', upstream: 'b' };
  await write({ ...keys, 'routes/1': bad, 'routes/2': { path: '/:a(', host: 'b.example', upstream: 'b' } });
  await changed;
  expect([...collections.routes.quarantine.keys()]).toEqual(['1', '2']);
  expect(await get('/api/7')).toBe('200 a');
  expect(await get('/else', { host: 'b.example' })).toBe('200 b');
});

describe('as a proxy should', () => {
  /** What a node got, and a gateway before it. */
  async function echo() {
    const seen: IncomingMessage[] = [];
    const port = await node((request, response) => {
      seen.push(request);
      response.writeHead(200, { connection: 'x-secret, keep-alive', 'x-secret': '1', 'x-kept': '1', trailer: 'x' });
      request.pipe(response);
    });
    const keys = { 'routes/1': { path: '/*', upstream: 'u', headers: { 'x-route': 'r' } }, 'upstreams/u': to(port) };
    return { seen, ...(await gatewayOn(keys)) };
  }

  test('headers of one connection are not forwarded, either way', async () => {
    const { seen, port } = await echo();
    const head =
      'Host: x\nConnection: close, X-Drop\nX-Drop: 1\nTE: trailers\nKeep-Alive: 1\nX-Keep: 1\nX-Forwarded-For: 9.9.9.9';
    const answer = await raw(port, `GET /a?b=c HTTP/1.1\n${head}\n\n`);
    expect(answer).toContain('x-kept: 1');
    expect(answer).not.toMatch(/x-secret|trailer/i);
    expect(seen[0]?.url).toBe('/a?b=c');
    expect(seen[0]?.headers).toEqual({
      host: 'x',
      connection: 'keep-alive',
      'x-keep': '1',
      'x-route': 'r',
      'x-forwarded-for': '9.9.9.9, 127.0.0.1',
    });
  });

  const body = 'POST / HTTP/1.1\nHost: x\n';
  test.each([
    ['a length beside chunks', `${body}Content-Length: 3\nTransfer-Encoding: chunked\n\n0\n\n`],
    ['two lengths', `${body}Content-Length: 3\nContent-Length: 4\n\nabcd`],
    ['a length that is no number', `${body}Content-Length: +3\n\nabc`],
    ['chunks that are coded twice', `${body}Transfer-Encoding: gzip, chunked\n\n0\n\n`],
    ['a coding that is not chunked', `${body}Transfer-Encoding: xchunked\n\n0\n\n`],
    ['a space before the colon', `${body}Transfer-Encoding : chunked\n\n0\n\n`],
    ['a folded header', `${body}X-A: 1\n Content-Length: 3\n\nabc`],
    ['no host', 'GET / HTTP/1.1\n\n'],
    ['a URL of another host', 'GET http://other/ HTTP/1.1\nHost: x\n\n'],
  ])('an ambiguous request is refused: %s', async (_, text) => {
    const { seen, port } = await echo();
    const answer = await raw(port, `${text}`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(seen).toHaveLength(0);
  });

  test('headers and bodies have limits', async () => {
    const { seen, port } = await echo();
    const reads = await node((request, response) => request.resume().on('end', () => response.end('read')));
    const { origin } = await gatewayOn({ node: { host: '127.0.0.1', port: reads } });
    expect(await raw(port, `GET / HTTP/1.1\nHost: x\nX-Long: ${'a'.repeat(20_000)}\n\n`)).toMatch(/^HTTP\/1\.1 431 /);
    const large = new Uint8Array(1024 * 1024 + 1);
    expect(await raw(port, `${body}Content-Length: ${large.length}\n\n`)).toMatch(/^HTTP\/1\.1 413 /);
    expect(seen).toHaveLength(0);
    const chunks = httpRequest(origin, { method: 'POST', headers: { 'transfer-encoding': 'chunked' } });
    const answered = once(chunks, 'response') as Promise<[IncomingMessage]>;
    chunks.on('error', quiet);
    chunks.end(new Uint8Array(8 * large.length));
    expect((await answered)[0].statusCode).toBe(413);
    const fits = await fetch(origin, { method: 'POST', body: large.subarray(1) });
    expect(await fits.text()).toBe('read');
  });

  test('a client that goes ends the request at the node', async () => {
    let reached = (): void => {};
    const there = new Promise<void>((resolve) => (reached = resolve));
    let ended = (): void => {};
    const over = new Promise<void>((resolve) => (ended = resolve));
    const port = await node((request) => {
      request.socket.once('close', () => ended());
      reached();
    });
    const { origin } = await gatewayOn({ node: { host: '127.0.0.1', port } });
    const leave = new AbortController();
    const asked = fetch(origin, { signal: leave.signal }).catch(quiet);
    await there;
    leave.abort();
    await Promise.all([asked, over]);
  });

  test('what may be repeated goes to the next node, and 502 is for when all were tried', async () => {
    const [dead, alive, breaks] = [await freePort(), await node(hello), await node(({ socket }) => socket.destroy())];
    const { origin } = await gatewayOn({
      'routes/1': { path: '/some', upstream: 'some' },
      'routes/2': { path: '/none', upstream: 'none' },
      'routes/3': { path: '/breaks', upstream: 'breaks' },
      'upstreams/some': to(dead, breaks, alive),
      'upstreams/none': to(dead, breaks),
      'upstreams/breaks': to(breaks, alive),
    });
    for (let i = 0; i < 6; i++) expect((await fetch(`${origin}/some`)).status).toBe(200);
    const none = await fetch(`${origin}/none`);
    expect([none.status, await none.text()]).toEqual([502, expect.stringContaining('All nodes were tried')]);
    expect((await fetch(`${origin}/breaks`, { method: 'POST', body: 'once' })).status).toBe(502);
  });

  test('an answer without a body is whole, whatever length it names', async () => {
    const port = await node(({ method, url }, response) => {
      const status = method === 'HEAD' ? 200 : Number(url?.slice(1));
      response.writeHead(status, status === 204 ? {} : { 'content-length': '5' }).end();
    });
    const { origin } = await gatewayOn({ node: { host: '127.0.0.1', port } });
    const statusOf = async (path: string, method = 'GET') => (await fetch(`${origin}/${path}`, { method })).status;
    expect([await statusOf('204'), await statusOf('304'), await statusOf('', 'HEAD')]).toEqual([204, 304, 200]);
  });

  test('a header that is set takes the place of the same one in any case', async () => {
    const port = await node(({ headers }, response) => response.end(headers['x-user']));
    const route = { path: '/*', upstream: 'u', headers: { 'X-User': 'operator' } };
    const { origin } = await gatewayOn({ 'routes/1': route, 'upstreams/u': to(port) });
    const answer = await fetch(origin, { headers: { 'x-user': 'evil' } });
    expect(await answer.text()).toBe('operator');
  });

  test('one route that is in the way of another stops no others', async () => {
    const port = await node(hello);
    const { origin } = await gatewayOn({
      'routes/1': { path: '/a', upstream: 'u' },
      'routes/2': { path: '/a/:y?', upstream: 'u' },
      'routes/3': { path: '/new', upstream: 'u' },
      'upstreams/u': to(port),
    });
    for (const path of ['/a', '/new']) expect((await fetch(origin + path)).status).toBe(200);
  });

  test('an answer before the body was read ends the connection', async () => {
    const port = await node((_, response) => response.writeHead(401).end());
    const gateway = await gatewayOn({ node: { host: '127.0.0.1', port } });
    const head = 'POST / HTTP/1.1\nHost: x\nContent-Length: 900000\n\n';
    const answer = await raw(gateway.port, head + 'x'.repeat(10_000));
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    expect(answer).toMatch(/^connection: close/im);
  });

  test('an answer that breaks off is not told as whole', async () => {
    const port = await node((_, response) => {
      response.writeHead(200, { 'content-length': '10' });
      response.write('12345', () => response.destroy());
    });
    const { origin } = await gatewayOn({ node: { host: '127.0.0.1', port } });
    await expect(fetch(origin).then((answer) => answer.text())).rejects.toThrow();
  });
});

test('2,000 changes under load, etcd killed twice: no answer mixes generations, and none fails', async () => {
  const etcd = await startEtcd();
  opened.push(() => etcd[Symbol.asyncDispose]());
  const client = new Etcd3({ hosts: etcd.endpoint });
  opened.push(() => client.close());
  const ports = await Promise.all(
    ['even', 'odd'].map((name) =>
      node(({ headers }, response) => response.end(`${headers['x-route']} ${headers['x-upstream']} ${name}`)),
    ),
  );
  const write = (n: number) => {
    const route = { path: '/*', upstream: 'u', headers: { 'x-route': `${n}` } };
    const upstream = { ...to(ports[n % 2] as number), headers: { 'x-upstream': `${n}` } };
    const puts = [
      client.put('/gw/routes/1').value(JSON.stringify(route)),
      client.put('/gw/upstreams/u').value(JSON.stringify(upstream)),
    ] as const;
    return client
      .if('/none', 'Version', '==', 0)
      .then(...puts)
      .commit();
  };
  await write(0);
  const { origin, collections } = await gatewayOf(`etcd://${etcd.endpoint}//gw/`);
  await Promise.all(Object.values(collections).map((each) => each.ready()));
  const metrics = await (await fetch(`http://${etcd.endpoint}/metrics`)).text();
  expect(metrics).toMatch(/^etcd_debugging_mvcc_watcher_total 1$/m);

  const seen = new Set<string>();
  const mixed: string[] = [];
  const verifyBody = (body: string | Buffer | undefined): boolean => {
    const [route, upstream, name] = `${body}`.split(' ');
    seen.add(route ?? '');
    const isOne = route === upstream && name === (Number(route) % 2 === 0 ? 'even' : 'odd');
    if (!isOne) mixed.push(`${body}`);
    return isOne;
  };
  let stop = quiet;
  const load = new Promise<autocannon.Result>((resolve, reject) => {
    const options = { url: origin, connections: 8, duration: 110, verifyBody };
    const running = autocannon(options, (error, result) => (error ? reject(error) : resolve(result)));
    stop = () => running.stop();
  });
  for (let n = 1; n <= 2_000; n++) {
    await write(n);
    if (n % 800 !== 0) continue;
    await etcd.kill9();
    await etcd.restart();
  }
  await expect.poll(() => fetch(origin).then((answer) => answer.text()), { timeout: 30_000 }).toBe('2000 2000 even');
  stop();
  const { errors, timeouts, non2xx, mismatches, requests } = await load;
  expect({ errors, timeouts, non2xx, mismatches, mixed }).toEqual({
    errors: 0,
    timeouts: 0,
    non2xx: 0,
    mismatches: 0,
    mixed: [],
  });
  console.log(`${requests.total} requests saw ${seen.size} generations`);
  expect(seen.size).toBeGreaterThan(100);
}, 120_000);

test('a table that a program makes itself serves as well', async () => {
  const port = await node(hello);
  const { Balancer } = await import('@rollcall/balancer');
  const destination = { balancer: new Balancer(to(port).nodes, { now: () => 0 }), headers: {} };
  const table: Table = { find: () => destination };
  const gateway = await createGateway({ current: async () => table }, { host: '127.0.0.1', port: 0, logger });
  opened.push(() => gateway.close());
  expect(await (await fetch(`http://127.0.0.1:${gateway.port}`)).text()).toBe('HelloWorld');
});
