import { readFile, writeFile } from 'node:fs/promises';
import type { Certificates } from './certificates.js';
import type { SecureProtocol } from './kafka.js';

type Properties = Record<string, string>;

/** Lines of server.properties for listeners with a login: PLAIN as this user, SCRAM as a user that is created later. */
export function loginProperties(protocol: SecureProtocol, username: string, password: string): Properties {
  const listener = `listener.name.${protocol.toLowerCase()}`;
  const security = 'org.apache.kafka.common.security';
  const plain = `${security}.plain.PlainLoginModule required user_${username}="${password}";`;
  const scram = `${security}.scram.ScramLoginModule required;`;
  return {
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    [`${listener}.plain.sasl.jaas.config`]: plain,
    [`${listener}.scram-sha-256.sasl.jaas.config`]: scram,
    [`${listener}.scram-sha-512.sasl.jaas.config`]: scram,
  };
}

/** Lines of server.properties for listeners that speak TLS with this server certificate. */
export async function tlsProperties({ serverCertFile, serverKeyFile, caFile }: Certificates): Promise<Properties> {
  // Kafka reads key and certificates from one file.
  const parts = await Promise.all([serverKeyFile, serverCertFile, caFile].map((file) => readFile(file, 'utf8')));
  const store = `${serverCertFile}.store.pem`;
  await writeFile(store, parts.join(''));
  return { 'ssl.keystore.type': 'PEM', 'ssl.keystore.location': store };
}
