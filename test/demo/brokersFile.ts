import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where the keys of the brokers begin. */
const PREFIX = 'broker/kafka/';

/** A registry that is a file: `broker/kafka/HOST:PORT: ""`, one line a broker. */
export class BrokersFile {
  readonly path: string;
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.path = join(folder, 'brokers.yaml');
  }

  /** What to watch. */
  get url(): string {
    return `file:${this.path.replace(/[%?#]/g, encodeURIComponent)}#${PREFIX}`;
  }

  /** Replaces the file as an editor does, whole: it names these brokers. */
  async name(brokers: readonly string[]): Promise<void> {
    const next = join(this.#folder, '.brokers.yaml.next');
    await writeFile(next, brokers.map((address) => `${PREFIX}${address}: ""\n`).join(''));
    await rename(next, this.path);
  }
}
