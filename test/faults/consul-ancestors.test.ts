import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { startConsul } from '../support/consul.js';
import { startProxy } from '../support/proxy.js';
import { del, put, RequestCount, Watching } from './consul-watching.js';

/** What a bug is looked for in: something that follows the keys under `a/`. */
interface Follower extends AsyncDisposable {
  readonly keys: () => readonly string[];
  readonly requests: () => number;
  close(): Promise<void>;
}

type Follow = (endpoint: string) => Promise<Follower>;

const rollcall: Follow = async (endpoint) => {
  const count = new RequestCount(Number(endpoint.split(':')[1]));
  const watching = await Watching.started(`consul://${endpoint}/a/`);
  return {
    keys: () => [...watching.model.keys()],
    requests: () => count.count,
    close: () => watching.watcher.close(),
    [Symbol.asyncDispose]: async () => {
      count.stop();
      await watching[Symbol.asyncDispose]();
    },
  };
};

/** The loop of the hand-written watchers before this one, with all their bugs. */
class AncestorLoop implements Follower {
  readonly #url: string;
  readonly #keys = new Set<string>();
  #requests = 0;
  #killed = false;
  #request = new AbortController();
  stop = false;

  constructor(endpoint: string) {
    this.#url = `http://${endpoint}/v1/kv/a/?recurse&wait=30s`;
    void this.#run();
  }

  readonly keys = () => [...this.#keys];
  readonly requests = () => this.#requests;

  async close(): Promise<void> {
    this.stop = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#killed = true;
    this.#request.abort();
  }

  async #run(): Promise<void> {
    let index = 0;
    // Shadows the one that `close` sets.
    const stop = false;
    while (!stop && !this.#killed) {
      try {
        this.#requests++;
        this.#request = new AbortController();
        const answer = await fetch(`${this.#url}&index=${index}`, { signal: this.#request.signal });
        if (answer.status === 404) return;
        const pairs = (await answer.json()) as { Key: string; ModifyIndex: number }[];
        for (const { Key } of pairs.filter(({ ModifyIndex }) => ModifyIndex > index)) this.#keys.add(Key.slice(2));
        index = Math.max(...pairs.map(({ ModifyIndex }) => ModifyIndex));
      } catch {
        // And again, without a pause.
      }
    }
  }
}

const ancestor: Follow = async (endpoint) => {
  const loop = new AncestorLoop(endpoint);
  await expect.poll(() => loop.keys().length).toBeGreaterThan(0);
  return loop;
};

/** What is seen of each bug in a follower, on a real Consul with the keys `a/1` and `a/2`. */
const bugs: Readonly<Record<string, (follow: Follow) => Promise<readonly string[]>>> = {
  'the largest ModifyIndex for an index misses deletes': async (follow) => {
    await using consul = await seeded();
    await using follower = await follow(consul.endpoint);
    await del(consul, 'a/1');
    await put(consul, 'a/3');
    await seen(follower, '3');
    return follower.keys().includes('1') ? ['a deleted key stays'] : [];
  },
  '… and spins after one': async (follow) => {
    await using consul = await seeded();
    await using follower = await follow(consul.endpoint);
    await del(consul, 'a/2');
    await sleep(500);
    const before = follower.requests();
    await sleep(1_000);
    const requests = follower.requests() - before;
    return requests > 2 ? ['a busy loop'] : [];
  },
  'a 404 ends the loop': async (follow) => {
    await using consul = await seeded();
    await using follower = await follow(consul.endpoint);
    for (const key of ['a/1', 'a/2']) await del(consul, key);
    await sleep(200);
    await put(consul, 'a/3');
    return (await seen(follower, '3')) ? [] : ['the first key’s return is not seen'];
  },
  'an error is repeated without a pause': async (follow) => {
    await using consul = await seeded();
    await using follower = await follow(consul.endpoint);
    await consul.kill9();
    const most = follower.requests() + 10;
    const late = performance.now() + 5_000;
    while (performance.now() < late && follower.requests() <= most) await sleep(50);
    return follower.requests() > most ? ['a busy loop'] : [];
  },
  '`stop` is shadowed': async (follow) => {
    await using consul = await seeded();
    await using proxy = await startProxy(consul);
    await using follower = await follow(proxy.endpoint);
    await follower.close();
    await sleep(200);
    const before = follower.requests();
    await put(consul, 'a/3');
    const found = await seen(follower, '3');
    return [
      ...(found ? ['a change after the end'] : []),
      ...(follower.requests() > before ? ['a request after it'] : []),
    ];
  },
};

async function seeded() {
  const consul = await startConsul();
  for (const key of ['a/1', 'a/2']) await put(consul, key);
  return consul;
}

/** Whether a key is seen within 1 s: far above what it takes, and all the time there is to prove that it never is. */
async function seen(follower: Follower, key: string): Promise<boolean> {
  const late = performance.now() + 1_000;
  while (performance.now() < late && !follower.keys().includes(key)) await sleep(10);
  return follower.keys().includes(key);
}

describe.each(Object.entries(bugs))('%s', (_, look) => {
  test('not here', async () => {
    expect(await look(rollcall)).toEqual([]);
  });

  test('in the ancestors (the control: this test can fail)', async () => {
    expect(await look(ancestor)).not.toEqual([]);
  });
});
