import type { ServiceClientConstructor, ServiceDefinition } from '@grpc/grpc-js';
import { Etcd3, type Services } from 'etcd3';

/** etcd3's own definitions, to write what a server would send. Connects nothing. */
class Definitions extends Etcd3 {
  of(service: keyof typeof Services): Promise<ServiceDefinition> {
    return this.pool.withConnection(service, ({ client }) => (client.constructor as ServiceClientConstructor).service);
  }
}

/** The bytes of an answer of that method, encoded by etcd3. */
export async function encodeAnswer(service: keyof typeof Services, method: string, answer: object): Promise<Buffer> {
  return (await encoderOf(service, method))(answer);
}

/** How etcd3 encodes answers of that method. */
export async function encoderOf(service: keyof typeof Services, method: string): Promise<(answer: object) => Buffer> {
  const definitions = new Definitions({ hosts: '127.0.0.1:1' });
  const definition = (await definitions.of(service))[method];
  definitions.close();
  if (definition === undefined) throw new Error(`no ${method}`);
  return (answer) => definition.responseSerialize(answer);
}

/** How etcd3 reads the bytes of a request of that method. */
export async function decodeRequest(
  service: keyof typeof Services,
  method: string,
): Promise<(bytes: Buffer) => object> {
  const definitions = new Definitions({ hosts: '127.0.0.1:1' });
  const definition = (await definitions.of(service))[method];
  definitions.close();
  if (definition === undefined) throw new Error(`no ${method}`);
  return (bytes) => definition.requestDeserialize(bytes) as object;
}
