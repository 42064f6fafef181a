import { inspect } from 'node:util';
import { expect } from 'vitest';
import type { Consul } from '../support/consul.js';
import type { RequestCount, Watching } from './consul-watching.js';

/** The accessor that Consul gives the anonymous token. */
const ANONYMOUS = '00000000-0000-0000-0000-000000000002';

interface Policy {
  readonly ID: string;
  readonly Name: string;
}

/** An ACL token with one policy. */
export class Token {
  readonly secret: string;
  readonly #consul: Consul;
  readonly #accessor: string;
  readonly #policy: string;

  private constructor(consul: Consul, secret: string, accessor: string, policy: string) {
    this.#consul = consul;
    this.secret = secret;
    this.#accessor = accessor;
    this.#policy = policy;
  }

  static async create(consul: Consul, rules: string): Promise<Token> {
    const policy = await createPolicy(consul, rules);
    const body = { Policies: [{ ID: policy.ID }] };
    const token = JSON.parse((await consul.http('/v1/acl/token', { method: 'PUT', body })).body);
    return new Token(consul, token.SecretID, token.AccessorID, policy.ID);
  }

  /** The token of all who give none, with one policy from now on. */
  static async anonymous(consul: Consul, rules: string): Promise<Token> {
    const policy = await createPolicy(consul, rules);
    await consul.http(`/v1/acl/token/${ANONYMOUS}`, { method: 'PUT', body: { Policies: [{ ID: policy.ID }] } });
    return new Token(consul, 'anonymous', ANONYMOUS, policy.ID);
  }

  async setRules(rules: string): Promise<void> {
    const path = `/v1/acl/policy/${this.#policy}`;
    const { Name } = JSON.parse((await this.#consul.http(path)).body);
    await this.#consul.http(path, { method: 'PUT', body: { ID: this.#policy, Name, Rules: rules } });
  }

  async delete(): Promise<void> {
    await this.#consul.http(`/v1/acl/token/${this.#accessor}`, { method: 'DELETE' });
  }
}

async function createPolicy(consul: Consul, Rules: string): Promise<Policy> {
  const Name = `p${Math.random().toString(36).slice(2)}`;
  return JSON.parse((await consul.http('/v1/acl/policy', { method: 'PUT', body: { Name, Rules } })).body);
}

/**
 * S55: searches the log, every status with its error and causes, every batch, the watcher and its registry for a secret;
 * and each request but for the one header that it belongs in.
 */
export function expectSecret(secret: string, watching: Watching, requests?: RequestCount): void {
  const { log, statuses, batches, watcher } = watching;
  const told = inspect([log, statuses, batches, watcher], { depth: Number.POSITIVE_INFINITY, showHidden: true });
  expect(told.length).toBeGreaterThan(100);
  expect(told).not.toContain(secret);
  const sent = requests?.sent.map(({ path, headers: { 'x-consul-token': _, ...headers } }) => ({ path, headers }));
  expect(inspect(sent, { depth: 5 })).not.toContain(secret);
}
