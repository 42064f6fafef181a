import assert from 'node:assert/strict';
import type { ConnectOptions } from '../../model/options.js';
import type { Watcher } from '../../model/types.js';
import { bytes } from '../context.js';
import { Follower } from '../follower.js';
import { everythingOf, LogCapture } from '../logCapture.js';
import type { Scenario } from '../scenario.js';

const SECRETS = {
  password: 'hunter2-the-password',
  token: 'sesame-the-token',
  tlsKey: 'MC4CAQAwBQYDK2VwBCIEIPretendPrivateKey',
};
const PEM_KEY = `-----BEGIN PRIVATE KEY-----\n${SECRETS.tlsKey}\n-----END PRIVATE KEY-----\n`;
/** JSON this deep overflows the stack of a parser that recurses. */
const NESTING = 100_000;
const TEN_MB = 10_000_000;

export const safetyScenarios: readonly Scenario[] = [
  {
    id: 'S55',
    title: 'no password, token or key is in any log line, error or status',
    run: async (context) => {
      await context.put('p/a');
      const logger = new LogCapture();
      const told: unknown[] = [];
      const registry = context.registry({ logger });
      const watching = (make: () => Watcher): Watcher | undefined => {
        try {
          const watcher = make();
          watcher.onStatus((status) => told.push(status));
          told.push(watcher.status);
          return watcher;
        } catch (error) {
          told.push(error);
          return undefined;
        }
      };
      const username = 'conformance';
      const withSecrets: ConnectOptions[] = [
        { username, password: SECRETS.password },
        { token: SECRETS.token },
        { username, password: SECRETS.password, token: SECRETS.token, tls: { key: PEM_KEY, cert: PEM_KEY } },
      ];
      const url = context.url('p/');
      const hostile = [
        url.replace(/^([a-z]+:)(\/\/)?/, `$1//user:${SECRETS.password}@`),
        url.replace(/(#|$)/, `?token=${SECRETS.token}$1`),
        url.replace(/(#|$)/, `?password=${SECRETS.password}&x=%zz$1`),
      ];
      const watchers = [
        ...withSecrets.map((options) => watching(() => registry.watch(url, options))),
        ...hostile.map((each) => watching(() => registry.watch(each))),
        // A backend that has no credentials refuses all of them.
        watching(() => registry.watch(url)),
      ].filter((watcher) => watcher !== undefined);
      const answers = await Promise.all(
        watchers.map((watcher) => watcher.ready({ timeoutMs: 5000 }).catch((error: unknown) => error)),
      );
      const restore = await context.backend.outage?.();
      for (const watcher of watchers) told.push(await watcher.read().catch((error: unknown) => error));
      const failing = watchers.filter(({ status }) => status.state === 'live' || status.state === 'stale');
      if (restore)
        await Promise.all(failing.map((each) => context.status(each, 'stale', ({ state }) => state === 'stale')));
      await restore?.();
      await registry.close();
      assert.ok(told.length > 0 && answers.length > 0);
      const text = [logger.text, everythingOf(told), everythingOf(answers), String(told), JSON.stringify(told)].join(
        '\n',
      );
      for (const [name, secret] of Object.entries(SECRETS)) {
        assert.ok(!text.includes(secret), `the ${name} was told: ${around(text, secret)}`);
      }
    },
  },
  {
    id: 'S57',
    title: 'hostile keys and values are contained: __proto__, deep nesting, 10 MB of JSON, terminal escape codes',
    run: async (context) => {
      const logger = new LogCapture();
      const watcher = context.watch('p/', {}, context.registry({ logger }));
      const follower = new Follower(watcher);
      await follower.next();
      const room = Math.min(TEN_MB, context.harness.maxValueBytes);
      const depth = Math.min(NESTING, Math.floor(room / 2));
      const values = {
        __proto__x: '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
        nested: '['.repeat(depth) + ']'.repeat(depth),
        large: JSON.stringify('x'.repeat(room - 2)),
        'clear\u001b[2J\u001b]0;title\u0007': '\u001b[31mred\u009b2K',
      };
      const names = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', 'valueOf'];
      for (const [key, value] of Object.entries(values)) await context.backend.put(`p/${key}`, bytes(value));
      for (const name of names) await context.put(`p/${name}`, `value of ${name}`);
      await context.converges(follower, 'p/');
      for (const name of names) {
        assert.equal(follower.text(name), `value of ${name}`);
        assert.ok(watcher.snapshot?.entries.has(name));
      }
      assert.equal(watcher.snapshot?.entries.get('isPrototypeOf'), undefined);
      assert.equal(({} as Record<string, unknown>).polluted, undefined);
      const restore = context.backend.outage ? await context.outage(watcher) : undefined;
      await restore?.();
      await context.live(watcher);
      const { version } = watcher;
      for (const name of names) await context.delete(`p/${name}`);
      await context.converges(follower, 'p/');
      assert.ok(watcher.version > version);
      for (const message of logger.messages) assert.doesNotMatch(message, /\p{Cc}/u, 'a log line that moves a cursor');
    },
  },
];

function around(text: string, secret: string): string {
  const at = text.indexOf(secret);
  return text.slice(Math.max(0, at - 200), at + secret.length + 50);
}
