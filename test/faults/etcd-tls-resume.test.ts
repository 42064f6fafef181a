import { expect, test } from 'vitest';
import { makeCertificates } from '../support/certificates.js';
import { startEtcd } from '../support/etcd.js';
import { startProxy } from '../support/proxy.js';
import { Watching } from './etcd-watching.js';

test('S53 a server that has come to speak TLS: a watch that comes back says so, as a new one does', async () => {
  await using plain = await startEtcd({ flags: ['--unsafe-no-fsync'] });
  await using secure = await startEtcd({ tls: await makeCertificates() });
  await using proxy = await startProxy(plain);
  await using watching = await Watching.started(`etcd://${proxy.endpoint}/a/`);
  proxy.retarget(secure);
  proxy.drop();
  await watching.until('an attempt on the other server', () => watching.attempts[1]?.error !== undefined);
  expect(watching.attempts[1]?.error).toMatchObject({ code: 'TLS', message: expect.stringContaining('etcds://') });
});
