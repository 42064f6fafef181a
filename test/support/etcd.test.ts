import { expect, test } from 'vitest';
import { request } from '../../servers/http.mjs';
import { makeCertificates } from './certificates.js';
import { startEtcd } from './etcd.js';

test('etcd keeps its data through kill -9, on the same port', async () => {
  await using etcd = await startEtcd();
  const { pid, endpoint } = etcd;
  await etcd.etcdctl(['put', 'broker/kafka/10.0.0.1:9092'], { input: 'spoken through standard input' });
  await etcd.kill9();
  expect(etcd.running).toBe(false);
  await expect(etcd.etcdctl(['get', 'broker/kafka/10.0.0.1:9092', '--command-timeout=500ms'])).rejects.toThrow(
    'etcdctl',
  );

  await etcd.restart();
  expect(etcd.pid).not.toBe(pid);
  expect(etcd.endpoint).toBe(endpoint);
  expect(await etcd.etcdctl(['get', '--print-value-only', 'broker/kafka/10.0.0.1:9092'])).toContain('standard input');
});

test('a wiped etcd begins another history', async () => {
  await using etcd = await startEtcd();
  await etcd.etcdctl(['put', 'a', '1']);
  await etcd.wipe();
  await etcd.restart();
  expect(await etcd.etcdctl(['get', 'a'])).toBe('');
});

test('a paused etcd answers nothing, and goes on when resumed', async () => {
  await using etcd = await startEtcd();
  etcd.pause();
  await expect(etcd.etcdctl(['put', 'a', '1', '--command-timeout=500ms'])).rejects.toThrow('deadline exceeded');
  etcd.resume();
  await etcd.etcdctl(['put', 'a', '2']);
  expect(await etcd.etcdctl(['get', '--print-value-only', 'a'])).toBe('2\n');
});

test('etcd with TLS serves only clients with a certificate', async () => {
  const tls = await makeCertificates();
  await using etcd = await startEtcd({ tls });
  await etcd.etcdctl(['put', 'a', '1']);
  expect(await etcd.etcdctl(['get', '--print-value-only', 'a'])).toBe('1\n');
  const anonymous = request(`https://${etcd.endpoint}/health`, { tls: { ca: tls.client.ca } });
  await expect(anonymous).rejects.toThrow('certificate required');
});
