import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { keyFromBytes, keyToBytes } from '@rollcall/core';
import { type Backend, conformance, type Harness } from '@rollcall/core/conformance';
import { fileAdapter } from '@rollcall/local';
import { describe, it } from 'vitest';
import { parse } from 'yaml';

const skips = {
  'S06.compacted': 'a file keeps no history',
  'S07.compacted': 'a file keeps no history; S07 is a full read already',
  S43: 'a file keeps no history; each attempt reads it whole',
  S22: 'a file does not answer, so it cannot fall silent',
  S26: 'a file has no server to come back to',
};

/** A document that another program replaces, as an editor does: a new file that takes the old one's name. */
function documentHarness(
  name: string,
  format: (pairs: readonly (readonly [string, string])[]) => string,
  parse: (text: string) => readonly (readonly [string, string])[],
): Harness {
  return {
    name: `file (${name})`,
    skips,
    maxValueBytes: 1_000_000,
    flood: { changes: 10_000, perTransaction: 1000 },
    open: () =>
      openFile(`brokers.${name}`, async (path) => {
        let writes = 0;
        const content = new Map<string, Uint8Array>();
        const replace = async (): Promise<void> => {
          const pairs = [...content].map(([key, value]) => [key, keyFromBytes(value)] as const);
          await writeFile(`${path()}.${++writes}`, format(pairs));
          await rename(`${path()}.${writes}`, path());
        };
        await replace();
        return {
          put: async (key, value) => {
            content.set(key, value);
            await replace();
          },
          delete: async (key) => {
            content.delete(key);
            await replace();
          },
          transaction: async (all) => {
            for (const write of all) {
              if (write.type === 'put') content.set(write.key, write.value);
              else content.delete(write.key);
            }
            await replace();
          },
          replay: replace,
          answerBadly: async () => {
            await writeFile(`${path()}.bad`, '{"half');
            await rename(`${path()}.bad`, path());
            return replace;
          },
          everything: async () => {
            const pairs = parse(await readFile(path(), 'utf8'));
            return new Map(pairs.map(([key, text]) => [key, keyToBytes(text)]));
          },
        };
      }),
  };
}

const json = documentHarness(
  'json',
  (pairs) => JSON.stringify(Object.fromEntries(pairs)),
  (text) => Object.entries(JSON.parse(text)),
);

/** One `"key": "value"` a line; JSON's quoting is YAML's too. */
const yaml = documentHarness(
  'yaml',
  (pairs) => pairs.map((pair) => `${pair.map((text) => JSON.stringify(text)).join(': ')}\n`).join('') || '{}\n',
  (text) => Object.entries<string>(parse(text)),
);

const oneOrTheOther = 'a file cannot be a folder too, so no key can go on with a slash after another whole key';

const folder: Harness = {
  name: 'file (folder)',
  skips: {
    ...skips,
    S28: 'a folder cannot be malformed: every file is a value',
    S02: 'each key is a file of its own',
    S03: oneOrTheOther,
    'S03.text': oneOrTheOther,
    'S03.path': oneOrTheOther,
    'S12.self': oneOrTheOther,
  },
  maxValueBytes: 1_000_000,
  flood: { changes: 1000, perTransaction: 100 },
  open: () =>
    openFile('brokers.d', async (path) => {
      await mkdir(path());
      const at = (key: string): Buffer => Buffer.concat([Buffer.from(`${path()}/`), keyToBytes(key)]);
      return {
        put: async (key, value) => {
          await mkdir(dirname(at(key).toString('latin1')), { recursive: true });
          await writeFile(at(key), value);
        },
        delete: (key) => rm(at(key)),
        replay: async () => {
          for (const [key, value] of await filesBelow(path())) await writeFile(at(key), value);
        },
        everything: () => filesBelow(path()),
      };
    }),
};

interface FileTool extends Pick<Backend, 'put' | 'delete' | 'transaction' | 'replay' | 'answerBadly'> {
  /** What is there, read by other means than the adapter's. */
  everything(): Promise<Map<string, Uint8Array>>;
}

/** Writes a path in a folder of its own; an outage is its absence. */
async function openFile(name: string, tool: (path: () => string) => Promise<FileTool>): Promise<Backend> {
  const root = await mkdtemp(join(tmpdir(), 'rollcall-conformance-'));
  const home = join(root, name);
  let path = home;
  const { everything, ...writes } = await tool(() => path);
  return {
    adapter: fileAdapter,
    url: (fragment) => `file:${home}#${fragment}`,
    ...writes,
    list: async (prefix) => new Map([...(await everything())].filter(([key]) => key.startsWith(prefix))),
    outage: async () => {
      path = `${home}.away`;
      await rename(home, path);
      return async () => {
        await rename(path, home);
        path = home;
      };
    },
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
}

async function filesBelow(root: string): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  const walk = async (folder: Buffer, prefix: string): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true, encoding: 'buffer' })) {
      const name = entry.name as unknown as Buffer;
      const path = Buffer.concat([folder, Buffer.from('/'), name]);
      const key = prefix + keyFromBytes(name);
      if (entry.isDirectory()) await walk(path, `${key}/`);
      else found.set(key, await readFile(path));
    }
  };
  await walk(Buffer.from(root), '');
  return found;
}

for (const harness of [json, yaml, folder]) conformance({ describe, it }, harness);
