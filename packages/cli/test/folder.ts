import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';

/** A temporary folder for each test of the file that calls this. */
export function temporaryFolder(): { path(name: string): string; write(name: string, text: string): Promise<string> } {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rollcall-cli-'));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
  });
  const path = (name: string): string => join(folder, name);
  return {
    path,
    /** As an editor saves: whole, by a rename. */
    write: async (name, text) => {
      await writeFile(path(`${name}.new`), text);
      await rename(path(`${name}.new`), path(name));
      return path(name);
    },
  };
}
