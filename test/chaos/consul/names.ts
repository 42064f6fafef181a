/** What is written. Of keys, instances and nodes the steady ones are never deleted, and never unhealthy. */

const STEADY = 'steady';

/** Deleted as a whole now and then. */
export const SUBTREE = 'kv/b/deep/';

export const KEYS: readonly string[] = [
  ...many('kv/a/', 20),
  ...many(`kv/a/${STEADY}-`, 5),
  ...many('kv/ab/', 8),
  ...many('kv/b/', 12),
  ...many(`kv/b/${STEADY}-`, 5),
  ...many(SUBTREE, 12),
  ...many('kv/c/', 10),
  // The key that equals a literal prefix, and some that need care in a URL.
  'kv/a',
  'kv/a/',
  'kv/b/ä ö',
  'kv/b/%2F?#',
  'kv/c/🦊',
  'cfg/mode',
  // Watched by nobody, but for the index of an empty prefix.
  ...many('other/', 5),
];

/** An instance in the catalog, of a node without an agent. */
export interface CatalogInstance {
  readonly node: string;
  readonly id: string;
  readonly service: string;
}

export const CATALOG_INSTANCES: readonly CatalogInstance[] = [
  { node: `${STEADY}-node`, id: `web-${STEADY}`, service: 'web' },
  { node: `${STEADY}-node`, id: `api-${STEADY}`, service: 'api' },
  ...['web', 'web', 'api', 'api', 'api'].map((service, index) => ({
    node: `ext-${index % 3}`,
    id: `${service}/${index}`,
    service,
  })),
];

/** An instance that the client agent registers, with a TTL check. */
export interface AgentInstance {
  readonly id: string;
  readonly service: string;
}

export const AGENT = 'agent';

export const AGENT_INSTANCES: readonly AgentInstance[] = [
  { id: 'web-ttl', service: 'web' },
  { id: 'job-1', service: 'job' },
  { id: 'job-2', service: 'job' },
  { id: 'job-3', service: 'job' },
];

/** Key, instance or node: whether it is there from the beginning to the end, also in every snapshot. */
export function isSteady(name: string): boolean {
  return name.includes(STEADY);
}

/** The key of an instance, as a watcher gives it. */
export function instanceKey(node: string, id: string): string {
  return `${encodeURIComponent(node)}/${encodeURIComponent(id)}`;
}

/**
 * Whether it is a server's own node. Autopilot takes a server that its peers have lost for dead, and the leader strikes its
 * node from the catalog until it is back ("EventMemberLeave (forced)", seen 7 s after SIGSTOP).
 */
export function isOfServer(node: string): boolean {
  return /^consul\d$/.test(node);
}

/** Whether it is the key of an instance that the client agent registers. */
export function isOfAgent(name: string): boolean {
  return name.startsWith(`${AGENT}/`);
}

function many(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}
