import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { servers } from '../../servers/catalog.mjs';
import { deployments } from '../../servers/deployments.mjs';

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
}

interface Service {
  readonly image: string;
  readonly ports: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
}

const root = new URL('../../', import.meta.url);
const { services } = parse(readFileSync(new URL('docker-compose.yml', root), 'utf8')) as Compose;
/** Each in one version, on its standard port. */
const standard = deployments.filter((deployment) => deployment.standard).map(({ server }) => server);
const names = standard.map(({ name }) => name);

test('docker-compose.yml has the standard servers of servers/, and no others', () => {
  expect(Object.keys(services).sort()).toEqual([...names].sort());
});

test.each(standard)('$name: docker-compose.yml has the version that servers/ pins', ({ name, image }) => {
  expect(services[name]?.image).toBe(image);
});

test.each(standard)(
  '$name: docker-compose.yml serves its standard port on the loopback interface only',
  ({ name, port }) => {
    expect(services[name]?.ports).toEqual([`127.0.0.1:${port}:${port}`]);
  },
);

test.each(names)('%s: docker-compose.yml checks its health, so that `up --wait` waits', (name) => {
  expect(services[name]?.healthcheck?.test[0]).toBe('CMD');
});

test.each([
  ['etcd-3.5', '3.5'],
  ['etcd', '3.6'],
  ['etcd-3.7', '3.7'],
])('%s is a version %s, and comes with its tools of the same version', (folder, line) => {
  const goMod = readFileSync(new URL(`servers/${folder}/go.mod`, root), 'utf8');
  const pinned = [...goMod.matchAll(/^\tgo\.etcd\.io\/etcd\/(?:server|etcdctl|etcdutl)\/v3 v(\S+)$/gm)];
  const version = servers.find(({ name }) => name === folder)?.version;
  expect(version?.startsWith(`${line}.`)).toBe(true);
  expect(pinned.map(([, found]) => found)).toEqual([version, version, version]);
});

test('Kafka comes with its tools of the same version', () => {
  const pom = readFileSync(new URL('servers/kafka/pom.xml', root), 'utf8');
  const pinned = [...pom.matchAll(/<artifactId>kafka[^<]*<\/artifactId>\s*<version>([^<]+)<\/version>/g)];
  const version = servers.find(({ name }) => name === 'kafka')?.version;
  expect(pinned.map(([, found]) => found)).toEqual(expect.arrayContaining([version, version]));
  const sums = readFileSync(new URL('servers/kafka/libs.sha256', root), 'utf8');
  expect(sums).toContain(`  kafka-server-${version}.jar\n`);
});
