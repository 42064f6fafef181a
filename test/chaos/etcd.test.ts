import { etcdAdapter } from '@rollcall/etcd';
import type { EtcdVersion } from '../support/etcd.js';
import { chaosTest } from './chaosTest.js';
import { EtcdBackend } from './etcd/backend.js';
import { Etcd3Subject } from './etcd/etcd3Subject.js';
import { Fleet } from './fleet.js';

const { ROLLCALL_CHAOS_VERSION: version = '3.6' } = process.env;

chaosTest({
  title: 'three etcd',
  rival: "etcd3's own watcher",
  seed: 11,
  start: (random) => EtcdBackend.start(version as EtcdVersion, random),
  watchers: (backend, random) => new Fleet(backend, etcdAdapter, random),
  control: ({ endpoints, targets, truth }) => new Etcd3Subject(endpoints, targets, truth),
});
