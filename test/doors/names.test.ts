import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

/** Every name that leaves a package, types too, by the door that it leaves by. A change here is a change for users. */
const DOORS = {
  rollcall: 'packages/rollcall/src/index.ts',
  '@rollcall/core': 'packages/core/src/index.ts',
  '@rollcall/core/adapter': 'packages/core/src/adapter.ts',
  '@rollcall/core/conformance': 'packages/core/src/conformance/index.ts',
  '@rollcall/balancer': 'packages/balancer/src/index.ts',
};

/** The names in `export { … }`, `export type { … }` and `export function …`. */
async function namesOf(file: string): Promise<readonly string[]> {
  const text = await readFile(new URL(`../../${file}`, import.meta.url), 'utf8');
  const listed = [...text.matchAll(/export(?: type)? \{([^}]*)\}/g)].flatMap(([, names = '']) => names.split(','));
  const declared = [...text.matchAll(/^export (?:async )?(?:function|class|const|interface|type) (\w+)/gm)];
  const names = listed.map((each) => each.trim().replace(/^type /, '')).filter((each) => each !== '');
  return [...names, ...declared.map(([, name = '']) => name)].sort();
}

test.each(Object.entries(DOORS))('%s', async (_, file) => {
  expect(await namesOf(file)).toMatchSnapshot();
});

test('no name leaves core by two doors', async () => {
  const all = await Promise.all(
    ['index', 'adapter', 'conformance/index', 'internal'].map((each) => namesOf(`packages/core/src/${each}.ts`)),
  );
  const names = all.flat();
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
});

test('a user of the library has no need to name @rollcall/core: what its signatures name, it exports', async () => {
  const library = new Set(await namesOf(DOORS.rollcall));
  const ofCore = new Set(await namesOf(DOORS['@rollcall/core']));
  // To make a registry by hand is for those who make a library of their own.
  const notForUsers = new Set(['createRegistry', 'RegistryOptions']);
  expect([...ofCore].filter((name) => !library.has(name) && !notForUsers.has(name))).toEqual([]);
});
