import type { Entry } from '@rollcall/core';
import { expect } from 'vitest';
import type { Consul } from '../support/consul.js';
import { textOf, type Watching } from './consul-watching.js';

/** A node of the catalog that has no agent, for each service one: within a node ids are unique. */
const nodeOf = (service: string): string => `node-of-${service}`;

/** The key of an instance of `register`. */
export const keyOf = (service: string, id: string): string => `${nodeOf(service)}/${id}`;

/** One instance; changed if it is there. */
export async function register(consul: Consul, service: string, id: string, port: number): Promise<void> {
  const instance = { ID: id, Service: service, Port: port };
  const body = { Node: nodeOf(service), Address: '10.0.0.1', SkipNodeUpdate: true, Service: instance };
  await consul.http('/v1/catalog/register', { method: 'PUT', body });
}

/** All at once, in one transaction, which takes up to 64 operations. */
export async function deregister(consul: Consul, service: string, ...ids: readonly string[]): Promise<void> {
  const body = ids.map((ID) => ({
    Service: { Verb: 'delete', Node: nodeOf(service), Service: { ID, Service: service } },
  }));
  await consul.http('/v1/txn', { method: 'PUT', body });
}

interface Item {
  readonly Node: { readonly Node: string };
  readonly Service: { readonly ID: string; readonly Port: number; readonly CreateIndex: number };
}

/** What the server's HTTP API says the instances are: port and age by key. */
async function instancesOf(consul: Consul, service: string): Promise<Record<string, [port: number, created: string]>> {
  const { body } = await consul.http(`/v1/health/service/${service}`);
  return Object.fromEntries(
    (JSON.parse(body) as Item[]).map(({ Node, Service: { ID, Port, CreateIndex } }) => [
      `${Node.Node}/${ID}`,
      [Port, String(CreateIndex)],
    ]),
  );
}

/**
 * Asserts that the state of a service's watch is the server's own answer, and that its changes amount to the same
 * ports: a change of history that leaves an instance as it was is not told.
 */
export async function expectServersInstances(watching: Watching, consul: Consul, service: string): Promise<void> {
  const expected = Object.entries(await instancesOf(consul, service)).sort();
  const state = Array.from(watching.watcher.snapshot?.entries ?? [], ([key, entry]) => [
    key,
    [portOf(entry), entry.createRevision],
  ]);
  expect(state.sort()).toEqual(expected);
  const told = Array.from(watching.model, ([key, entry]) => [key, portOf(entry)]);
  expect(told.sort()).toEqual(expected.map(([key, [port]]) => [key, port]));
}

export function portOf(entry: Entry | undefined): number | undefined {
  return (JSON.parse(textOf(entry) ?? '{}') as { port?: number }).port;
}
