import { copyFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where the keys of the brokers begin. */
export const PREFIX = 'broker/kafka/';

/** A temporary copy of a file of brokers, edited as people and programs do. It goes when it is disposed. */
export class BrokersFile implements AsyncDisposable {
  readonly path: string;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.path = join(folder, 'brokers.yaml');
  }

  static async copyOf(original: string): Promise<BrokersFile> {
    const file = new BrokersFile(await mkdtemp(join(tmpdir(), 'rollcall-')));
    await copyFile(original, file.path);
    return file;
  }

  /** What to watch. */
  get url(): string {
    return `file:${this.path.replace(/[%?#]/g, encodeURIComponent)}#${PREFIX}`;
  }

  /** What a shell is told to add a broker. */
  get addCommand(): string {
    return `echo '${line('10.0.0.7:9092')}' >> '${this.path}'`;
  }

  add(address: string): Promise<void> {
    return this.edit((text) => `${text.trimEnd()}\n${line(address)}\n`);
  }

  remove(address: string): Promise<void> {
    return this.edit((text) => text.replace(`${line(address)}\n`, ''));
  }

  /** Replaces the file as an editor does: whole, by a rename. Starts from what is there, which somebody may have edited. */
  async edit(change: (text: string) => string): Promise<void> {
    const text = await readFile(this.path, 'utf8');
    const next = join(this.#folder, '.brokers.yaml.next');
    await writeFile(next, change(text));
    await rename(next, this.path);
  }

  /** Leaves zero bytes. @returns what was there. */
  async empty(): Promise<string> {
    const text = await readFile(this.path, 'utf8');
    await writeFile(this.path, '');
    return text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function line(address: string): string {
  return `${PREFIX}${address}: ""`;
}
