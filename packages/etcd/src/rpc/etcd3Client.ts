import type { Client, ServiceClientConstructor } from '@grpc/grpc-js';
import { WatchError } from '@rollcall/core';
import { noop } from 'cockatiel';
import {
  Etcd3,
  type IAuthenticateResponse,
  type IDeleteRangeResponse,
  type ILeaseGrantResponse,
  type IPutResponse,
  type Services,
} from 'etcd3';
import type { Method } from './methods.js';
import type { Transport } from './transport.js';

/** etcd3 gives its service clients only to subclasses. */
class Pool extends Etcd3 {
  client(service: keyof typeof Services): Promise<Client> {
    return this.pool.withConnection(service, ({ client }) => client);
  }
}

/** The calls that a watch makes rarely: they go through `etcd3`, over the watch's own connection. */
export interface Etcd3Methods {
  readonly authenticate: Method<object, IAuthenticateResponse>;
  readonly put: Method<object, IPutResponse>;
  readonly deleteRange: Method<object, IDeleteRangeResponse>;
  readonly leaseGrant: Method<object, ILeaseGrantResponse>;
}

/** @param endpoint `host:port` */
export async function etcd3Methods(transport: Transport, endpoint: string): Promise<Etcd3Methods> {
  const pool = new Pool({
    hosts: endpoint,
    // One channel for all services. We make it, because etcd3 has no setting for the verification of certificates.
    grpcOptions: { channelOverride: transport.channel },
    faultHandling: { global: noop, host: () => noop },
  });
  const [auth, kv, lease] = await Promise.all([pool.client('Auth'), pool.client('KV'), pool.client('Lease')]);
  return {
    authenticate: methodOf(auth, 'Authenticate'),
    put: methodOf(kv, 'Put'),
    deleteRange: methodOf(kv, 'DeleteRange'),
    leaseGrant: methodOf(lease, 'LeaseGrant'),
  };
}

function methodOf<Res>(client: Client, name: string): Method<object, Res> {
  const definition = (client.constructor as ServiceClientConstructor).service[name];
  if (definition === undefined) throw new WatchError('INTERNAL', `etcd3 knows no ${name}.`);
  const { path, requestSerialize, responseDeserialize } = definition;
  return { path, serialize: requestSerialize, deserialize: responseDeserialize as (bytes: Buffer) => Res };
}
