// @ts-check
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { ROOT } from './run.mjs';

/**
 * Puts the modules that the compiler wrote to `build` into `dist`: one file for each of a package's exports, one for each
 * `import()`, and what those share. To load two hundred modules takes a process 100 ms. Other packages stay imports, and
 * the types stay as the compiler wrote them.
 *
 * node scripts/bundle.mjs [FOLDER]: of one package, or of all. What the compiler has not touched since is left alone.
 */
const [given] = process.argv.slice(2);
const packages = join(ROOT, 'packages');
const folders = given === undefined ? readdirSync(packages).map((name) => join(packages, name)) : [resolve(given)];
for (const folder of folders) if (isStale(folder)) await bundle(folder);

/** @param {string} folder of a package */
async function bundle(folder) {
  const { rolldown } = await import('rolldown');
  const dist = join(folder, 'dist');
  const bundling = await rolldown({
    input: entriesOf(folder),
    cwd: folder,
    platform: 'node',
    external: (id) => !id.startsWith('.') && !isAbsolute(id),
  });
  const { output } = await bundling.write({
    dir: dist,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name].js',
  });
  await bundling.close();
  const written = new Set(output.map(({ fileName }) => join(dist, fileName)));
  // Only now, so that a program that runs meanwhile finds its files. Another build may be doing the same.
  for (const file of bundled(dist)) if (!written.has(file)) rmSync(file, { force: true });
}

/**
 * @param {string} folder
 * @returns {boolean}
 */
function isStale(folder) {
  const compiledAt = statSync(join(folder, 'build/.tsbuildinfo')).mtimeMs;
  return Object.keys(entriesOf(folder)).some((name) => {
    const file = join(folder, 'dist', `${name}.js`);
    return !existsSync(file) || statSync(file).mtimeMs < compiledAt;
  });
}

/**
 * What the compiler wrote of each of a package's exports, by the name of the file in `dist`.
 *
 * @param {string} folder
 * @returns {Record<string, string>}
 */
function entriesOf(folder) {
  /** @type {{ exports: Record<string, string | { default: string }> }} */
  const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const files = Object.values(exports).flatMap((paths) => (typeof paths === 'string' ? [] : [paths.default]));
  return Object.fromEntries(
    files.map((file) => [
      file.slice('./dist/'.length, -'.js'.length),
      join(folder, file.replace('./dist/', './build/')),
    ]),
  );
}

/**
 * The modules in `dist`, of this bundle and of earlier ones that had others.
 *
 * @param {string} dist
 * @returns {readonly string[]}
 */
function bundled(dist) {
  if (!existsSync(dist)) return [];
  const names = readdirSync(dist, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.js')).map((name) => join(dist, name));
}
