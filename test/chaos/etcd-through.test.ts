import { etcdAdapter } from '@rollcall/etcd';
import type { EtcdVersion } from '../support/etcd.js';
import { chaosTest } from './chaosTest.js';
import { EtcdBackend } from './etcd/backend.js';
import { Etcd3Subject } from './etcd/etcd3Subject.js';
import type { EtcdThrough } from './etcd/way.js';
import { Fleet } from './fleet.js';

const { ROLLCALL_CHAOS_VERSION: version = '3.6', ROLLCALL_CHAOS_THROUGH: asked } = process.env;
const all: readonly EtcdThrough[] = ['grpc-proxy', 'balancer'];

for (const through of all.filter((each) => asked === undefined || each === asked)) {
  chaosTest({
    title: `three etcd through ${through}`,
    rival: "etcd3's own watcher",
    seed: 1,
    minutes: 0.5,
    start: (random) => EtcdBackend.start(version as EtcdVersion, random, through),
    watchers: (backend, random) => new Fleet(backend, etcdAdapter, random),
    control: ({ endpoints, targets, truth }) => new Etcd3Subject(endpoints, targets, truth),
  });
}
