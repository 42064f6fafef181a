// @ts-check
import { join } from 'node:path';
import { cacheRoot } from './cache.mjs';
import { requireGo } from './requirements.mjs';
import { run } from './run.mjs';

/**
 * Builds a server's binaries from the Go modules that its go.sum pins. One Go version gives the same bytes every time.
 *
 * @param {import('./types.mjs').Server} server
 * @param {import('./types.mjs').GoBuild} build
 * @param {string} folder where the binaries go
 * @param {import('./install.mjs').InstallOptions} options
 */
export async function buildGo(server, build, folder, { log, signal }) {
  await requireGo(server, join(build.folder, 'go.mod'));
  for (const [file, goPackage] of Object.entries(build.packages)) {
    const what = `${server.name} ${server.version}: building ${file}`;
    log(what);
    await run('go', ['build', '-ldflags', '-s -w', '-o', join(folder, file), goPackage], {
      cwd: build.folder,
      env: { ...process.env, ...goEnvironment() },
      niceness: server.niceness,
      what,
      log,
      ...(signal ? { signal } : {}),
    });
  }
}

/** Nothing of the user's Go settings may change what is built; only where things are fetched from stays theirs. */
function goEnvironment() {
  return {
    CGO_ENABLED: '0',
    GOTOOLCHAIN: 'local',
    GOWORK: 'off',
    GOFLAGS: '-buildvcs=false -mod=readonly -modcacherw -trimpath',
    // Up to 4.4 GB. In our cache, so that `clean` can remove it and leave the user's own Go caches alone.
    GOMODCACHE: process.env.GOMODCACHE ?? join(cacheRoot(), 'go', 'modules'),
    GOCACHE: process.env.GOCACHE ?? join(cacheRoot(), 'go', 'build'),
  };
}
