import { createGate, type GateOptions, type PasswordSasl, type SaslSession } from '@rollcall/kafka';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Certificates, makeCertificates } from '../support/certificates.js';
import { type Kafka, type SecureProtocol, startKafka } from '../support/kafka.js';
import { loginProperties, tlsProperties } from '../support/kafka-security.js';
import { Secrets } from '../support/secrets.js';

const PASSWORD = 'correct-horse-battery';
const WRONG = 'wrong-horse-battery';
const MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;
/** For a broker that compiles its first answers on a busy machine. */
const timeoutMs = 10_000;
const { signal } = new AbortController();

let kafka: Kafka;
let certificates: Certificates;

beforeAll(async () => {
  certificates = await makeCertificates();
  const logins = {
    ...loginProperties('SASL_PLAINTEXT', 'app', PASSWORD),
    ...loginProperties('SASL_SSL', 'app', PASSWORD),
  };
  const properties = { ...logins, ...(await tlsProperties(certificates)) };
  kafka = await startKafka({ listeners: ['SSL', 'SASL_PLAINTEXT', 'SASL_SSL'], properties });
  await kafka.createScramUser('app', PASSWORD);
});

afterAll(async () => {
  await kafka?.[Symbol.asyncDispose]();
});

function at(protocol: SecureProtocol | 'PLAINTEXT', host = '127.0.0.1') {
  const [broker] = kafka.brokers;
  if (broker === undefined) throw new Error('no broker');
  return { host, port: protocol === 'PLAINTEXT' ? broker.port : broker.portOf(protocol) };
}

const app = (mechanism: PasswordSasl['mechanism'], password = PASSWORD): PasswordSasl => ({
  mechanism,
  username: 'app',
  password,
});

/** What a gate with these options says of a listener: the cluster's id, or the error's code and message. */
async function told(options: GateOptions, protocol: SecureProtocol | 'PLAINTEXT', host?: string): Promise<string> {
  try {
    return (await createGate(options).probe(at(protocol, host), { signal, timeoutMs })).clusterId;
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return `${code} ${message}`;
  }
}

test('PLAINTEXT: the cluster, and where its broker is to be reached', async () => {
  expect(await createGate().probe(at('PLAINTEXT'), { signal, timeoutMs })).toEqual({
    clusterId: kafka.clusterId,
    brokers: [{ nodeId: 1, ...at('PLAINTEXT') }],
  });
});

test('PLAINTEXT: the connection that was asked on is good for a client', async () => {
  const gate = createGate({ clusterId: kafka.clusterId, allow: ['127.0.0.1'] });
  const socket = await gate.connect(at('PLAINTEXT'), { signal, timeoutMs });
  // ApiVersions v0 of another client, with another correlation id.
  socket.write(Buffer.from('0000000e0012000000abcdef00046b636174', 'hex'));
  const [answer] = (await new Promise((resolve) => socket.once('data', (data) => resolve([data])))) as [Buffer];
  expect(answer.readInt32BE(4)).toBe(0x00abcdef);
  socket.destroy();
});

test('K10 another cluster is refused', async () => {
  expect(await told({ clusterId: 'AAAAAAAAAAAAAAAAAAAAAA' }, 'PLAINTEXT')).toMatch(
    `OTHER_CLUSTER The broker at 127.0.0.1:${at('PLAINTEXT').port} is of the cluster "${kafka.clusterId}", not of "AAAA`,
  );
});

test('a login by a mechanism of the caller’s own', async () => {
  const dialled: string[] = [];
  const sasl = {
    mechanism: 'PLAIN',
    authenticate: async ({ host, port, send }: SaslSession) => {
      dialled.push(`${host}:${port}`);
      await send(`\0app\0${PASSWORD}`);
    },
  };
  const { host, port } = at('SASL_PLAINTEXT');
  expect(await told({ sasl }, 'SASL_PLAINTEXT')).toBe(kafka.clusterId);
  expect(dialled).toEqual([`${host}:${port}`]);
  const refused = { ...sasl, authenticate: ({ send }: SaslSession) => send(`\0app\0${WRONG}`).then(() => {}) };
  expect(await told({ sasl: refused }, 'SASL_PLAINTEXT')).toMatch(/^UNAUTHENTICATED .*refuses the login by PLAIN/);
  const broken = { ...sasl, authenticate: () => Promise.reject(new Error('no token today')) };
  expect(await told({ sasl: broken }, 'SASL_PLAINTEXT')).toMatch(/^UNAUTHENTICATED .*failed: no token today/);
});

describe.each(MECHANISMS)('a login by %s', (mechanism) => {
  test('is made', async () => {
    expect(await told({ sasl: app(mechanism) }, 'SASL_PLAINTEXT')).toBe(kafka.clusterId);
  });

  test('is made over TLS', async () => {
    expect(await told({ sasl: app(mechanism), tls: { ca: certificates.client.ca } }, 'SASL_SSL')).toBe(kafka.clusterId);
  });

  test('with a wrong password is refused, and the password is told to nobody', async () => {
    const secrets = new Secrets();
    secrets.add('password', WRONG);
    const error: unknown = await createGate({ sasl: app(mechanism, WRONG) })
      .probe(at('SASL_PLAINTEXT'), { signal, timeoutMs })
      .catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'UNAUTHENTICATED', message: expect.stringContaining('refuses the login by') });
    expect(secrets.foundIn(error)).toEqual([]);
  });
});

test('TLS: verified for the name or the address that is dialled', async () => {
  const tls = { ca: certificates.client.ca };
  expect(await told({ tls }, 'SSL')).toBe(kafka.clusterId);
  expect(await told({ tls }, 'SSL', 'localhost')).toBe(kafka.clusterId);
  expect(await told({ tls: { ...tls, servername: 'localhost' } }, 'SSL')).toBe(kafka.clusterId);
  expect(await told({ tls: { ...tls, servername: 'kafka.example.com' } }, 'SSL')).toMatch(
    /^TLS .* its certificate is for another name; set tls\.servername/,
  );
  expect(await told({ tls: true }, 'SSL')).toMatch(
    /^TLS .* its certificate is not of a known authority; check tls\.ca/,
  );
});

test('with TLS or a login the broker is asked on a connection of its own, and the other one is the client’s', async () => {
  const gate = createGate({
    clusterId: kafka.clusterId,
    sasl: app('scram-sha-512'),
    tls: { ca: certificates.client.ca },
  });
  const socket = await gate.connect(at('SASL_SSL'), { signal, timeoutMs });
  expect(socket.bytesWritten).toBe(0);
  socket.destroy();
});

describe('a listener that wants other than what is given', () => {
  test.each<[string, SecureProtocol | 'PLAINTEXT', () => GateOptions, RegExp]>([
    ['TLS', 'SSL', () => ({}), /^TLS .*: it speaks TLS: give "tls"\.$/],
    ['TLS and a login', 'SASL_SSL', () => ({ sasl: app('plain') }), /^TLS .*: it speaks TLS: give "tls"\.$/],
    ['a login', 'SASL_PLAINTEXT', () => ({}), /^UNAUTHENTICATED .* as if it wanted a login: give "sasl"/],
    [
      'a login over TLS',
      'SASL_SSL',
      () => ({ tls: { ca: certificates.client.ca } }),
      /^UNAUTHENTICATED .* as if it wanted a login: give "sasl"/,
    ],
    ['no TLS', 'PLAINTEXT', () => ({ tls: true }), /^TLS .* it ended the TLS handshake; does it speak TLS\?/],
    [
      'no login',
      'PLAINTEXT',
      () => ({ sasl: app('plain') }),
      /^UNAUTHENTICATED .* wants no login: leave "sasl" out\.$/,
    ],
  ])('%s: a clear error', async (_, protocol, options, message) => {
    expect(await told(options(), protocol)).toMatch(message);
  });
});
