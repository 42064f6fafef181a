import { createConsulAdapter } from '@rollcall/consul';
import { chaosTest } from './chaosTest.js';
import { ConsulBackend, WAIT_MS } from './consul/backend.js';
import { WatchSubject } from './consul/watchSubject.js';
import { Fleet } from './fleet.js';

chaosTest({
  title: 'three Consul servers through an agent that may answer stale',
  rival: "consul's own Watch",
  seed: 1,
  minutes: 0.5,
  start: (random) => ConsulBackend.start(random, 'agent'),
  watchers: (backend, random) => new Fleet(backend, createConsulAdapter({ waitMs: WAIT_MS }), random),
  control: ({ endpoint, targets, truth }) => new WatchSubject(endpoint, targets, truth, WAIT_MS),
});
