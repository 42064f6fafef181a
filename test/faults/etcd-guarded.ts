import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectOptions } from '@rollcall/core';
import { expect } from 'vitest';
import { type Etcd, startEtcd } from '../support/etcd.js';
import { startProxy, type TcpProxy } from '../support/proxy.js';
import { Secrets } from '../support/secrets.js';
import { put, txn, Watching, type WatchingOptions } from './etcd-watching.js';

export const APP = { username: 'app', password: 'app-secret' } satisfies ConnectOptions;
/** Another user, who may read what `app` may. */
export const OTHER = { username: 'other', password: 'other-secret' } satisfies ConnectOptions;
const ROOT = { user: 'root:root-secret' };

export interface GuardedOptions {
  readonly flags?: readonly string[];
  /** Prefixes that the role `reader`, and so `app` and `other`, may read, and nothing else. `a/` unless given. */
  readonly grants?: readonly string[];
  /** Whether authentication is switched on already; it is unless told otherwise. */
  readonly enabled?: boolean;
}

/** A simple token, as etcd makes it, or a JWT. */
const TOKEN = /[A-Za-z]{16}\.\d+|eyJ[\w-]+\.[\w-]+\.[\w-]+/g;

/** Longer than a token of `--auth-token-ttl=1` lives when nobody uses it: the second, and up to another until etcd looks. */
const ASK_AFTER_MS = 2_200;

/** An etcd with authentication, behind a proxy that listens, with one key under each prefix that may be read. */
export class Guarded implements AsyncDisposable {
  readonly etcd: Etcd;
  readonly proxy: TcpProxy;
  readonly secrets = new Secrets();
  readonly #watchings: Watching[] = [];
  readonly #heard: () => string;
  /** Those of etcdctl, one for each time it is run with a user, since the server started. */
  #ownLogins = 0;

  private constructor(etcd: Etcd, proxy: TcpProxy, heard: () => string) {
    this.etcd = etcd;
    this.proxy = proxy;
    this.#heard = heard;
    for (const { username, password } of [APP, OTHER]) this.secrets.add(`the password of ${username}`, password);
  }

  static async start({ flags = [], grants = ['a/'], enabled = true }: GuardedOptions = {}): Promise<Guarded> {
    // Passwords are made to take 50 ms of a processor each, unless told otherwise.
    const etcd = await startEtcd({ flags: ['--bcrypt-cost=4', ...flags] });
    let heard = '';
    const onAnswer = (bytes: Buffer): void => {
      heard += bytes.toString('latin1');
    };
    const guarded = new Guarded(etcd, await startProxy(etcd, { onAnswer }), () => heard);
    await etcd.etcdctl(['user', 'add', ROOT.user]);
    await etcd.etcdctl(['user', 'grant-role', 'root', 'root']);
    await etcd.etcdctl(['role', 'add', 'reader']);
    for (const prefix of grants) {
      await put(etcd, `${prefix}1`, 'x');
      await etcd.etcdctl(['role', 'grant-permission', 'reader', '--prefix=true', 'read', prefix]);
    }
    for (const { username, password } of [APP, OTHER]) {
      await etcd.etcdctl(['user', 'add', `${username}:${password}`]);
      await etcd.etcdctl(['user', 'grant-role', username, 'reader']);
    }
    if (enabled) await guarded.enable();
    return guarded;
  }

  /** Switches authentication on. */
  async enable(): Promise<void> {
    await this.etcd.etcdctl(['auth', 'enable']);
  }

  /** The URL of a prefix, through the proxy. */
  url(prefix: string): string {
    return `etcd://${this.proxy.endpoint}/${prefix}`;
  }

  /** A watch past its first batch; as `app` unless told otherwise. */
  async started(prefix: string, options: WatchingOptions = APP): Promise<Watching> {
    const watching = this.watch(prefix, options);
    await watching.watcher.ready();
    await watching.until('the first batch', () => watching.batches.length === 1);
    return watching;
  }

  /** A watch; as `app` unless told otherwise. */
  watch(prefix: string, options: WatchingOptions = APP): Watching {
    const watching = new Watching(this.url(prefix), options);
    this.#watchings.push(watching);
    return watching;
  }

  /** etcdctl as root. */
  root(...args: readonly string[]): Promise<string> {
    this.#ownLogins++;
    return this.etcd.etcdctl(args, ROOT);
  }

  /** As root. @returns the revision. */
  put(key: string, value: string): Promise<string> {
    this.#ownLogins++;
    return put(this.etcd, key, value, ROOT);
  }

  /** One transaction, as root. @returns the revision. */
  txn(changes: Readonly<Record<string, string | undefined>>): Promise<string> {
    this.#ownLogins++;
    return txn(this.etcd, changes, ROOT);
  }

  setPassword(username: string, password: string): Promise<string> {
    this.#ownLogins++;
    return this.etcd.etcdctl(['user', 'passwd', username, '--interactive=false'], { ...ROOT, input: password });
  }

  /** Killed and started again: it knows no simple token and counts from zero. */
  async restart(): Promise<void> {
    this.#ownLogins = 0;
    await this.etcd.restart();
  }

  /** How many calls of Authenticate the server has had from watches since it started, by its own count. */
  async logins(): Promise<number> {
    const metrics = await (await fetch(`http://${this.etcd.endpoint}/metrics`)).text();
    const counts = metrics.matchAll(/^grpc_server_handled_total\{.*grpc_method="Authenticate".*\} (\d+)$/gm);
    return [...counts].reduce((sum, [, count]) => sum + Number(count), 0) - this.#ownLogins;
  }

  /** The tokens that the server has given to watches, oldest first. */
  get tokens(): string[] {
    return [...new Set(this.#heard().match(TOKEN))];
  }

  /** Whether the server takes a token. To ask gives a simple one a new life. */
  async takes(token: string): Promise<boolean> {
    const body = JSON.stringify({ key: Buffer.from('a/1').toString('base64') });
    const headers = { Authorization: token };
    const answer = await fetch(`http://${this.etcd.endpoint}/v3/kv/range`, { method: 'POST', headers, body });
    const text = await answer.text();
    if (!answer.ok && !text.includes('invalid auth token')) throw new Error(text);
    return answer.ok;
  }

  /** Waits until the server takes none of the tokens it has given. */
  async untilTokensExpired(): Promise<void> {
    expect(this.tokens).not.toEqual([]);
    let taken: boolean[];
    do {
      await delay(ASK_AFTER_MS);
      taken = await Promise.all(this.tokens.map((token) => this.takes(token)));
    } while (taken.includes(true));
  }

  /** Asserts that a watch has the server's own state. */
  async expectServersState(watching: Watching): Promise<void> {
    this.#ownLogins++;
    await watching.expectServersState(this.etcd, ROOT);
  }

  /** S55: nothing that was logged, thrown or told holds a password or a token. */
  expectNoSecret(): void {
    for (const token of this.tokens) this.secrets.add('a token', token);
    for (const { log, statuses, batches, attempts } of this.#watchings) {
      expect(this.secrets.foundIn(log, statuses, batches, attempts)).toEqual([]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const watching of this.#watchings) await watching[Symbol.asyncDispose]();
    await this.proxy[Symbol.asyncDispose]();
    await this.etcd[Symbol.asyncDispose]();
  }
}
