// @ts-check
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheRoot } from './cache.mjs';
import { ServersError } from './errors.mjs';
import { requireJava, requireMaven } from './requirements.mjs';
import { run } from './run.mjs';

/**
 * Fetches a server's jars into `libs/` and compares each with its recorded sum.
 *
 * @param {import('./types.mjs').Server} server
 * @param {import('./types.mjs').MavenBuild} build
 * @param {string} folder
 * @param {import('./install.mjs').InstallOptions} options
 */
export async function fetchMaven(server, build, folder, { log, signal }) {
  await requireJava(server);
  await requireMaven(server);
  const what = `${server.name} ${server.version}: fetching jars`;
  log(what);
  const libs = join(folder, 'libs');
  const goals = ['dependency:copy-dependencies', `-DoutputDirectory=${libs}`];
  // A repository of our own, so that `clean` can remove it and leave ~/.m2 alone; -C: a wrong checksum is an error.
  const settings = ['-B', '-ntp', '-q', '-C', '-f', build.pom, `-Dmaven.repo.local=${join(cacheRoot(), 'maven')}`];
  await run('mvn', [...settings, ...goals], { what, log, ...(signal ? { signal } : {}) });
  await compareSums(server, build.sums, libs);
}

/**
 * @param {import('./types.mjs').Server} server
 * @param {string} sums
 * @param {string} libs
 */
async function compareSums(server, sums, libs) {
  const expected = (await readFile(sums, 'utf8')).trim().split('\n');
  const files = await readdir(libs);
  const actual = await Promise.all(
    files.map(async (file) => {
      const digest = createHash('sha256')
        .update(await readFile(join(libs, file)))
        .digest('hex');
      return `${digest}  ${file}`;
    }),
  );
  const wrong = [
    ...actual.filter((line) => !expected.includes(line)),
    ...expected.filter((line) => !actual.includes(line)).map((line) => `${line} (expected)`),
  ];
  if (wrong.length > 0) {
    throw new ServersError(
      `${server.name} ${server.version}: these jars are not the ones in ${sums}:\n${wrong.join('\n')}`,
    );
  }
}
