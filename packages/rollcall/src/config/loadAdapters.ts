import { createRequire } from 'node:module';
import { join } from 'node:path';
import { WatchError } from '@rollcall/core';
import type { Adapter } from '@rollcall/core/adapter';

/**
 * The adapters of a package: its default export, one adapter or an array of them.
 * @param name of an installed package, or a path that begins with `./`.
 * @param folder where Node begins to look for it.
 * @throws WatchError INVALID_OPTION when it cannot be loaded or exports no adapter.
 */
export function loadAdapters(name: string, folder: string): readonly Adapter[] {
  const exported = defaultExport(name, folder);
  const adapters = Array.isArray(exported) ? exported : [exported];
  if (adapters.length > 0 && adapters.every(isAdapter)) return adapters;
  const fix = 'its default export must be an adapter, or an array of adapters (see docs/adapters.md)';
  throw new WatchError('INVALID_OPTION', `The package "${name}" exports no adapter: ${fix}.`);
}

function defaultExport(name: string, folder: string): unknown {
  let exported: unknown;
  try {
    // import() would make createRollcall asynchronous; since Node 20.19 require() loads ES modules, too.
    exported = createRequire(join(folder, 'rollcall.yaml'))(name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const fix =
      code === 'MODULE_NOT_FOUND'
        ? `it is not installed in ${folder}: npm install ${name}`
        : `loading it failed: ${(error as Error).message}`;
    throw new WatchError('INVALID_OPTION', `Cannot load the adapter "${name}": ${fix}.`, { cause: error });
  }
  return typeof exported === 'object' && exported !== null && 'default' in exported ? exported.default : exported;
}

function isAdapter(value: unknown): value is Adapter {
  const { schemes, parse, open } = (value ?? {}) as Partial<Adapter>;
  return Array.isArray(schemes) && schemes.length > 0 && typeof parse === 'function' && typeof open === 'function';
}
