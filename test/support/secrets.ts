import { inspect } from 'node:util';

/**
 * Texts that must appear in nothing that is told to anybody, and a search for them. Keys in PEM are searched for line by
 * line, since whoever prints them escapes the ends of lines.
 */
export class Secrets {
  readonly #names = new Map<string, string>();

  /** @param name what to call it when it is found. */
  add(name: string, secret: string): void {
    for (const line of secret.split('\n')) {
      if (line === '' || line.startsWith('-----')) continue;
      for (const form of formsOf(line)) this.#names.set(form, name);
    }
  }

  /** The names of the secrets that are anywhere in the outputs, in whatever a program might print of them. */
  foundIn(...outputs: readonly unknown[]): string[] {
    const text = printed(outputs);
    const found = [...this.#names].filter(([form]) => text.includes(form)).map(([, name]) => name);
    return [...new Set(found)];
  }
}

/** As it is, and as URLs and bytes are written. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const hex = bytes.toString('hex');
  const base64 = bytes.toString('base64').replace(/=+$/, '');
  return [secret, encodeURIComponent(secret), base64, hex, hex.replace(/..(?!$)/g, '$& ')];
}

/** With all causes of errors and hidden properties, and bytes as text. */
function printed(output: unknown): string {
  const everything = { depth: null, showHidden: true, maxArrayLength: null, maxStringLength: null } as const;
  return `${inspect(output, everything)}\n${JSON.stringify(output, readably)}`;
}

/** A replacer: given what `toJSON` said, it looks at what is really there. */
function readably(this: Readonly<Record<string, unknown>>, key: string, said: unknown): unknown {
  const value = this[key];
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  return typeof value === 'bigint' ? String(value) : said;
}
