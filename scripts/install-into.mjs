// @ts-check
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { build, checkNode, install } from './prepare.mjs';
import { ROOT, run } from './run.mjs';

// npm run install-into -- FOLDER [PACKAGE…]: packs Rollcall as it would be published, and installs it into a folder, with
// the packages in further folders, if any. Until Rollcall is on npm, that is how other programs get it.
const USAGE = `npm run install-into -- FOLDER
Installs Rollcall's packages, built from this checkout, into the application in FOLDER.
`;

const [folder, ...others] = process.argv.slice(2);
if (folder === undefined || folder.startsWith('-')) {
  process.stderr.write(USAGE);
  process.exit(2);
}
const target = resolve(folder);
/** They stay: the application's package.json names them. */
const packed = join(target, 'rollcall-packages');
const quiet = ['--silent', '--no-audit', '--no-fund'];
try {
  checkNode();
  if (!existsSync(target)) throw new Error(`there is no folder ${target}`);
  await install();
  await build();
  const manifest = join(target, 'package.json');
  if (!existsSync(manifest)) {
    const content = { name: basename(target).toLowerCase(), private: true, type: 'module' };
    writeFileSync(manifest, `${JSON.stringify(content, undefined, 2)}\n`);
  }
  rmSync(packed, { recursive: true, force: true });
  mkdirSync(packed);
  const own = readdirSync(join(ROOT, 'packages')).map((name) => join(ROOT, 'packages', name));
  const folders = [...own, ...others.map((each) => resolve(each))];
  await run('npm pack', 'npm', ['pack', ...quiet, '--pack-destination', packed, ...folders], { stdout: 'ignore' });
  const tarballs = readdirSync(packed).map((file) => join(packed, file));
  await run('npm install', 'npm', ['install', ...quiet, '--prefer-offline', '--prefix', target, ...tarballs]);
  process.stdout.write(`Installed rollcall into ${target}. There: npx rollcall --help\n`);
} catch (error) {
  process.stderr.write(`npm run install-into: ${/** @type {Error} */ (error).message}\n`);
  process.exitCode = 1;
}
