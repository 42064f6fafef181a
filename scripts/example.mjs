// @ts-check
import { join } from 'node:path';
import { build, checkNode, install } from './prepare.mjs';
import { ROOT } from './run.mjs';

// node scripts/example.mjs NAME …: installs and builds what is missing, then runs examples/NAME with the rest.
const [name = ''] = process.argv.splice(2, 1);
try {
  checkNode();
  await install();
  await build();
  await import(join(ROOT, 'examples', name, 'build/main.js'));
} catch (error) {
  process.stderr.write(`npm run example:${name}: ${/** @type {Error} */ (error).message}\n`);
  process.exitCode = 1;
}
