import { copyFile, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { temporaryRoot } from './reaper.js';
import { runTool } from './tool.js';

/** A certificate authority with one server (127.0.0.1 and localhost unless given) and one client certificate, as PEM files. */
export interface Certificates {
  readonly caFile: string;
  readonly serverCertFile: string;
  readonly serverKeyFile: string;
  readonly clientCertFile: string;
  readonly clientKeyFile: string;
  /** A client's authority, certificate and key, as PEM text. */
  readonly client: { readonly ca: string; readonly cert: string; readonly key: string };
}

export interface CertificateOptions {
  /** Common name of the client certificate; etcd uses it as the user name. */
  readonly clientName?: string;
  /** Certificates whose authority signs these, too; default: a new authority. */
  readonly authority?: Certificates;
  /** Days for which the server certificate is valid; negative for one that has expired. */
  readonly serverDays?: number;
  /** Names and addresses in the server certificate. */
  readonly serverNames?: string;
}

/** Makes new certificates with `openssl`, which must be installed. */
export async function makeCertificates({
  clientName = 'client',
  authority,
  serverDays = 1,
  serverNames = 'IP:127.0.0.1,DNS:localhost',
}: CertificateOptions = {}): Promise<Certificates> {
  const folder = await mkdtemp(join(temporaryRoot(), 'certificates-'));
  const path = (name: string) => join(folder, name);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  if (authority === undefined) {
    const itself = ['-x509', '-days', '1', '-subj', '/CN=Test authority'];
    await runTool('openssl', ['req', ...newKey, ...itself, '-keyout', path('ca.key'), '-out', path('ca.pem')]);
  } else {
    for (const name of ['ca.key', 'ca.pem']) await copyFile(join(dirname(authority.caFile), name), path(name));
  }

  const sign = async (name: string, subject: string, extensions: string, days: number) => {
    await writeFile(path(`${name}.ext`), extensions);
    const request = ['-subj', `/CN=${subject}`, '-keyout', path(`${name}.key`), '-out', path(`${name}.csr`)];
    await runTool('openssl', ['req', ...newKey, ...request]);
    const by = ['-CA', path('ca.pem'), '-CAkey', path('ca.key'), '-CAcreateserial', '-extfile', path(`${name}.ext`)];
    const signed = ['-days', String(days), '-in', path(`${name}.csr`), '-out', path(`${name}.pem`)];
    await runTool('openssl', ['x509', '-req', ...by, ...signed]);
  };
  // etcd's gateway connects to its own listener, so the server's certificate must also be valid for a client.
  const serverUse = `subjectAltName=${serverNames}\nextendedKeyUsage=serverAuth,clientAuth\n`;
  await sign('server', 'localhost', serverUse, serverDays);
  await sign('client', clientName, 'extendedKeyUsage=clientAuth\n', 1);

  const [ca, cert, key] = await Promise.all(
    ['ca.pem', 'client.pem', 'client.key'].map((name) => readFile(path(name), 'utf8')),
  );
  return {
    caFile: path('ca.pem'),
    serverCertFile: path('server.pem'),
    serverKeyFile: path('server.key'),
    clientCertFile: path('client.pem'),
    clientKeyFile: path('client.key'),
    client: { ca: ca ?? '', cert: cert ?? '', key: key ?? '' },
  };
}

/** Replaces the server certificate and key in the files that a running server uses. */
export async function replaceServerCertificate(used: Certificates, next: Certificates): Promise<void> {
  await copyFile(next.serverCertFile, used.serverCertFile);
  await copyFile(next.serverKeyFile, used.serverKeyFile);
}
