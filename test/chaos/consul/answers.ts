import type { Entry } from '@rollcall/core';
import type { Consul } from '../../support/consul.js';
import { instanceKey } from './names.js';
import type { Asks } from './targets.js';

/** Consul's own answers over its HTTP API, by plain requests and in the strictest mode, as what a watcher is to hold. */

type Answer = ReadonlyMap<string, Entry>;

interface Pair {
  readonly Key: string;
  readonly Value: string | null;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}

interface Node {
  readonly ID: string;
  readonly Node: string;
  readonly Address: string;
  readonly Datacenter: string;
  readonly Meta: Readonly<Record<string, string>> | null;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}

interface Instance {
  readonly Node: Node;
  readonly Service: {
    readonly ID: string;
    readonly Address: string;
    readonly Port: number;
    readonly Tags: readonly string[] | null;
    readonly Meta: Readonly<Record<string, string>> | null;
    readonly Weights: { readonly Passing: number; readonly Warning: number };
    readonly CreateIndex: number;
  };
  readonly Checks: readonly { readonly Status: string }[];
}

const ANSWER_MS = 10_000;

/** What the leader answers, once it has made sure that it still leads. @throws without an answer */
export async function answerOf(consul: Consul, asks: Asks): Promise<Answer> {
  const { status, body } = await consul.http(`${pathOf(asks)}consistent`, { timeoutMs: ANSWER_MS });
  if (status === 404) {
    if (asks.kind !== 'kv') throw new Error(`${asks.kind}: 404 ${body}`);
    return new Map();
  }
  const json: unknown = JSON.parse(body);
  if (asks.kind === 'kv') return keysOf(json as Pair[], asks.prefix);
  if (asks.kind === 'service') return new Map((json as Instance[]).map(instanceOf));
  return asks.of === 'nodes' ? new Map((json as Node[]).map(nodeOf)) : servicesOf(json as Record<string, string[]>);
}

/** A path that another parameter can follow. */
function pathOf(asks: Asks): string {
  if (asks.kind === 'kv') return `/v1/kv/${encodeURIComponent(asks.prefix)}?${asks.exact ? '' : 'recurse&'}`;
  if (asks.kind === 'service') return `/v1/health/service/${asks.service}?${asks.passing ? 'passing&' : ''}`;
  return `/v1/catalog/${asks.of}?`;
}

function keysOf(pairs: readonly Pair[], prefix: string): Answer {
  return new Map(
    pairs.map(({ Key, Value, CreateIndex, ModifyIndex }) => [
      Key.slice(prefix.length),
      entry(Buffer.from(Value ?? '', 'base64'), CreateIndex, ModifyIndex),
    ]),
  );
}

function instanceOf({ Node: { Node: node, Address }, Service, Checks }: Instance): [string, Entry] {
  const statuses = Checks.map(({ Status }) => Status);
  const status = ['critical', 'warning'].find((bad) => statuses.includes(bad)) ?? 'passing';
  const value = {
    host: Service.Address || Address,
    port: Service.Port,
    id: Service.ID,
    node,
    tags: Service.Tags ?? [],
    meta: sorted(Service.Meta),
    status,
    weight: status === 'warning' ? Service.Weights.Warning : Service.Weights.Passing,
  };
  return [instanceKey(node, Service.ID), entry(json(value), Service.CreateIndex)];
}

function nodeOf({ ID, Node, Address, Datacenter, Meta, CreateIndex, ModifyIndex }: Node): [string, Entry] {
  const value = { host: Address, id: ID, node: Node, dc: Datacenter, meta: sorted(Meta) };
  return [encodeURIComponent(Node), entry(json(value), CreateIndex, ModifyIndex)];
}

function servicesOf(services: Readonly<Record<string, readonly string[]>>): Answer {
  return new Map(
    Object.entries(services).map(([service, tags]) => [
      encodeURIComponent(service),
      { value: json({ service, tags: tags.toSorted() }) },
    ]),
  );
}

function entry(value: Uint8Array, created: number, modified?: number): Entry {
  return { value, createRevision: String(created), ...(modified !== undefined && { revision: String(modified) }) };
}

function json(value: object): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function sorted(meta: Readonly<Record<string, string>> | null): Record<string, string> {
  return Object.fromEntries(Object.entries(meta ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)));
}
