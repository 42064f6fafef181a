// @ts-check
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Application } from 'typedoc';

// node scripts/api/write.mjs: writes docs/api from the docstrings. --check: fails if that would change anything.
const HERE = fileURLToPath(new URL('.', import.meta.url));
const PAGES = join(HERE, '../../docs/api');
const isCheck = process.argv.includes('--check');

process.chdir(HERE);
const out = isCheck ? mkdtempSync(join(tmpdir(), 'rollcall-api-')) : PAGES;
try {
  if (!isCheck) rmSync(PAGES, { recursive: true, force: true });
  const app = await Application.bootstrapWithPlugins({ options: 'typedoc.json', logLevel: 'Warn', out });
  const project = await app.convert();
  if (project === undefined) throw new Error('TypeDoc could not read the sources.');
  await app.generateOutputs(project);
  const stale = isCheck ? differences(PAGES, out) : [];
  if (stale.length > 0) {
    process.stderr.write(`docs/api is not what the docstrings say (${stale.join(', ')}): run "npm run api".\n`);
    process.exitCode = 1;
  }
} finally {
  if (isCheck) rmSync(out, { recursive: true, force: true });
}

/**
 * The files that are in one folder alone, or differ.
 *
 * @param {string} before
 * @param {string} after
 */
function differences(before, after) {
  const names = new Set([before, after].flatMap(filesOf));
  return [...names].filter((name) => read(join(before, name)) !== read(join(after, name)));
}

/** @param {string} folder */
function filesOf(folder) {
  return existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md'))
    : [];
}

/** @param {string} file */
function read(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}
