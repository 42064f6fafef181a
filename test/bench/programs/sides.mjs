// @ts-check
import { once } from 'node:events';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
/** An answer may be 25 MB, and gRPC takes 4. */
const ANY_SIZE = { 'grpc.max_receive_message_length': -1 };

/**
 * A registry of this process.
 *
 * @param {'etcd' | 'consul'} backend
 */
export async function ourRegistry(backend = 'etcd') {
  const { createRegistry } = await import('@rollcall/core');
  const adapter =
    backend === 'etcd'
      ? (await import('@rollcall/etcd')).etcdAdapter
      : (await import('@rollcall/consul')).consulAdapter;
  return createRegistry({ adapters: [adapter] });
}

/** @param {string} endpoint */
export function etcd3Client(endpoint) {
  const { Etcd3 } = /** @type {typeof import('etcd3')} */ (require('etcd3'));
  return new Etcd3({ hosts: endpoint, grpcOptions: ANY_SIZE });
}

/** @param {string} endpoint */
export function consulClient(endpoint) {
  const Consul = require('consul');
  const [host = '', port] = endpoint.split(':');
  return new Consul({ host, port: Number(port) });
}

/**
 * One range over gRPC whose bytes nobody decodes: the floor of any list.
 *
 * @param {string} endpoint
 * @param {string} prefix of at most 127 bytes
 * @returns {Promise<number>} how many bytes the answer has
 */
export async function rawRange(endpoint, prefix) {
  const { Client, credentials } = await import('@grpc/grpc-js');
  const client = new Client(endpoint, credentials.createInsecure(), ANY_SIZE);
  const key = Buffer.from(prefix);
  const end = Buffer.from(key);
  end[end.length - 1] = /** @type {number} */ (end.at(-1)) + 1;
  const request = Buffer.concat([Buffer.of(10, key.length), key, Buffer.of(18, end.length), end]);
  const same = (/** @type {Buffer} */ bytes) => bytes;
  const answer = await new Promise((resolve, reject) => {
    client.makeUnaryRequest('/etcdserverpb.KV/Range', same, same, request, (error, bytes) =>
      error ? reject(error) : resolve(bytes),
    );
  });
  client.close();
  return answer.length;
}

/** What this process has used of the processor so far, ms. */
export function cpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** What is in use after the garbage is gone, bytes. Needs --expose-gc. */
export async function usedBytes() {
  for (let i = 0; i < 4; i++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** @template T @returns {T} what this program is asked to do */
export function task() {
  return JSON.parse(process.argv[2] ?? '{}');
}

/**
 * Tells what was measured, and ends.
 *
 * @param {Record<string, number>} measured
 */
export async function done(measured) {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  const all = { ...measured, processCpuMs: (userCPUTime + systemCPUTime) / 1000, peakMb: maxRSS / 1024 };
  if (!process.stdout.write(`${JSON.stringify(all)}\n`)) await once(process.stdout, 'drain');
  process.exit(0);
}

/**
 * @param {number[]} values
 * @param {number} part 0.5 for the median
 */
export function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}
