import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** A block of code in a page. */
export interface Block {
  /** As `docs/kafka.md:12 js`. */
  readonly name: string;
  readonly file: string;
  /** `''` for what a command prints. */
  readonly language: string;
  readonly text: string;
}

/** README and the pages of docs/, without the API reference, which is made of the docstrings. */
export async function pages(): Promise<readonly string[]> {
  const docs = await readdir(join(ROOT, 'docs'));
  return ['README.md', ...docs.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)];
}

export async function blocksOf(file: string): Promise<readonly Block[]> {
  const text = await readFile(join(ROOT, file), 'utf8');
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(({ 1: language = '', 2: code = '', index }) => {
    const line = text.slice(0, index).split('\n').length;
    return { name: `${file}:${line} ${language}`, file, language, text: code };
  });
}
