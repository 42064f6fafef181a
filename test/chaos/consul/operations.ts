import type { Random } from '../random.js';
import {
  AGENT,
  AGENT_INSTANCES,
  type AgentInstance,
  CATALOG_INSTANCES,
  type CatalogInstance,
  instanceKey,
  isSteady,
  KEYS,
  SUBTREE,
} from './names.js';

/** One write over the HTTP API. */
export interface Operation {
  /** The path for the ModifyIndex of `ifUnchanged`, if that is given. */
  path(modifyIndex: number): string;
  readonly method: 'PUT' | 'DELETE';
  /** A string is sent as it is, anything else as JSON. */
  readonly body?: unknown;
  /** Only this agent can do it. */
  readonly atAgent?: true;
  /** A key whose ModifyIndex is asked for first, for a check-and-set. */
  readonly ifUnchanged?: string;
  /** Keys and instances that it is about. */
  readonly about: readonly string[];
  /** Which of them may be gone afterwards. */
  readonly removes: readonly string[];
  /** Each key's value afterwards; undefined: it is gone. */
  readonly writes?: ReadonlyMap<string, string | undefined>;
}

/** How long a client agent waits for the next `pass` before a check is critical. */
const TTL = '3s';

const VOLATILE_KEYS = KEYS.filter((key) => !isSteady(key));
const VOLATILE_INSTANCES = CATALOG_INSTANCES.filter(({ id }) => !isSteady(id));
const STATUSES = ['passing', 'passing', 'warning', 'critical'] as const;
const TAGS = ['a', 'b', 'primary'];

type Make = (random: Random, serial: number) => Operation;

/** Each kind of operation, and how often it is drawn. */
const KINDS: Readonly<Record<string, readonly [weight: number, make: Make]>> = {
  put: [35, (random, serial) => put(random.pick(KEYS), random, serial)],
  cas: [10, cas],
  delete: [9, (random) => remove(random.pick(VOLATILE_KEYS))],
  'delete-cas': [2, removeUnchanged],
  'delete-tree': [1, removeTree],
  txn: [14, transaction],
  register: [6, (random, serial) => register(random.pick(CATALOG_INSTANCES), random, serial)],
  deregister: [3, (random) => deregister(random.pick(VOLATILE_INSTANCES))],
  'agent-register': [4, (random, serial) => registerAtAgent(random.pick(AGENT_INSTANCES), random, serial)],
  'agent-deregister': [1.5, deregisterAtAgent],
  pass: [14, (random) => check('pass', random)],
  warn: [2, (random) => check('warn', random)],
  fail: [2, (random) => check('fail', random)],
};
const TOTAL_WEIGHT = Object.values(KINDS).reduce((sum, [weight]) => sum + weight, 0);

export function kindOf(random: Random): string {
  let rest = random.next() * TOTAL_WEIGHT;
  for (const [kind, [weight]] of Object.entries(KINDS)) {
    rest -= weight;
    if (rest < 0) return kind;
  }
  return 'put';
}

/** @param serial unlike that of every other operation */
export function operationOf(kind: string, random: Random, serial: number): Operation {
  const make = KINDS[kind]?.[1];
  if (make === undefined) throw new Error(`no operation is called ${kind}`);
  return make(random, serial);
}

/** All that is there before anything is watched, also what is steady. */
export function initialOperations(random: Random): Operation[] {
  return [
    ...KEYS.map((key, index) => put(key, random, index)),
    ...CATALOG_INSTANCES.map((instance, index) => register(instance, random, index)),
    ...AGENT_INSTANCES.map((instance, index) => registerAtAgent(instance, random, index)),
  ];
}

/**
 * A value that tells which key it is for and how long it is, for `wellFormed` to know it again; now and then empty, or large.
 */
function valueFor(key: string, random: Random, serial: number): string {
  const what = random.next();
  if (what < 0.02) return '';
  const length = what < 0.97 ? random.between(0, 100) : random.between(2_000, 20_000);
  return `${serial}|${key}|${length}|${'x'.repeat(length)}`;
}

/** Whether a key's value is one that was written to it, whole. */
export function wellFormed(key: string, value: string): boolean {
  if (value === '') return true;
  const [, of, length, filler] = /^\d+\|(.*)\|(\d+)\|(x*)$/.exec(value) ?? [];
  return of === key && filler?.length === Number(length);
}

function put(key: string, random: Random, serial: number): Operation {
  const body = valueFor(key, random, serial);
  return { ...kv(key), body, writes: new Map([[key, body]]) };
}

function cas(random: Random, serial: number): Operation {
  const key = random.pick(KEYS);
  return { ...put(key, random, serial), path: (index) => `${pathOf(key)}?cas=${index}`, ifUnchanged: key };
}

function remove(key: string): Operation {
  return { ...kv(key), method: 'DELETE', removes: [key], writes: new Map([[key, undefined]]) };
}

function removeUnchanged(random: Random): Operation {
  const key = random.pick(VOLATILE_KEYS);
  return { ...remove(key), path: (index) => `${pathOf(key)}?cas=${index}`, ifUnchanged: key };
}

function removeTree(): Operation {
  const keys = KEYS.filter((key) => key.startsWith(SUBTREE));
  const writes = new Map(keys.map((key) => [key, undefined]));
  return { path: () => `${pathOf(SUBTREE)}?recurse`, method: 'DELETE', about: keys, removes: keys, writes };
}

/** Some puts and deletes, all or none; a quarter of them are refused for a key that does exist. */
function transaction(random: Random, serial: number): Operation {
  const keys = random.shuffled(KEYS).slice(0, random.between(2, 6));
  const doomed = random.chance(0.25);
  const removed = keys.filter((key) => !isSteady(key) && random.chance(0.3));
  const writes = new Map(
    keys.map((key) => [key, removed.includes(key) ? undefined : valueFor(key, random, serial)] as const),
  );
  const operations = Array.from(writes, ([key, value]) => {
    if (value === undefined) return { KV: { Verb: 'delete', Key: key } };
    return { KV: { Verb: 'set', Key: key, Value: Buffer.from(value).toString('base64') } };
  });
  const obstacle = { KV: { Verb: 'check-not-exists', Key: 'kv/a/steady-0' } };
  const body = doomed ? [...operations, obstacle] : operations;
  return { path: () => '/v1/txn', method: 'PUT', body, about: keys, removes: doomed ? [] : removed, writes };
}

function register({ node, id, service }: CatalogInstance, random: Random, serial: number): Operation {
  const status = isSteady(id) ? 'passing' : random.pick(STATUSES);
  const body = {
    Node: node,
    Address: '10.0.0.1',
    SkipNodeUpdate: true,
    Service: { Service: service, ...described(id, random, serial) },
    Check: { CheckID: `check:${id}`, Name: 'health', ServiceID: id, Status: status, Output: String(serial) },
  };
  const about = [instanceKey(node, id)];
  return { path: () => '/v1/catalog/register', method: 'PUT', body, about, removes: [] };
}

function deregister({ node, id }: CatalogInstance): Operation {
  const gone = [instanceKey(node, id)];
  const body = { Node: node, ServiceID: id };
  return { path: () => '/v1/catalog/deregister', method: 'PUT', body, about: gone, removes: gone };
}

function registerAtAgent({ id, service }: AgentInstance, random: Random, serial: number): Operation {
  const check = { CheckID: `check:${id}`, TTL, Status: 'passing' };
  const body = { Name: service, ...described(id, random, serial), Check: check };
  const about = [instanceKey(AGENT, id)];
  return { path: () => '/v1/agent/service/register', method: 'PUT', body, atAgent: true, about, removes: [] };
}

function deregisterAtAgent(random: Random): Operation {
  const { id } = random.pick(AGENT_INSTANCES);
  const gone = [instanceKey(AGENT, id)];
  return {
    path: () => `/v1/agent/service/deregister/${encodeURIComponent(id)}`,
    method: 'PUT',
    atAgent: true,
    about: gone,
    removes: gone,
  };
}

function check(verb: 'pass' | 'warn' | 'fail', random: Random): Operation {
  const { id } = random.pick(AGENT_INSTANCES);
  return {
    path: () => `/v1/agent/check/${verb}/${encodeURIComponent(`check:${id}`)}`,
    method: 'PUT',
    atAgent: true,
    about: [instanceKey(AGENT, id)],
    removes: [],
  };
}

function described(id: string, random: Random, serial: number) {
  const Tags = TAGS.filter(() => random.chance(0.5));
  return { ID: id, Port: 1 + (serial % 60_000), Tags, Meta: { z: 'last', serial: String(serial) } };
}

function kv(key: string): Operation {
  return { path: () => pathOf(key), method: 'PUT', about: [key], removes: [] };
}

function pathOf(key: string): string {
  return `/v1/kv/${encodeURIComponent(key)}`;
}
