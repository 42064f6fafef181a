import { inspect } from 'node:util';

/**
 * Texts that must not appear in any output, and a search for them. PEM keys are searched line by line, because programs
 * escape their line breaks.
 */
export class Secrets {
  readonly #names = new Map<string, string>();

  /** @param name its name in the result of a search. */
  add(name: string, secret: string): void {
    for (const line of secret.split('\n')) {
      if (line === '' || line.startsWith('-----')) continue;
      for (const form of formsOf(line)) this.#names.set(form, name);
    }
  }

  /** The names of the secrets in the outputs, in every form in which a program might print them. */
  foundIn(...outputs: readonly unknown[]): string[] {
    const text = printed(outputs);
    const found = [...this.#names].filter(([form]) => text.includes(form)).map(([, name]) => name);
    return [...new Set(found)];
  }
}

/** The forms: as it is, percent-encoded, and as bytes. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const hex = bytes.toString('hex');
  const base64 = bytes.toString('base64').replace(/=+$/, '');
  return [secret, encodeURIComponent(secret), base64, hex, hex.replace(/..(?!$)/g, '$& ')];
}

/** As text, with all causes of errors and hidden properties, and bytes as text. */
function printed(output: unknown): string {
  const everything = { depth: null, showHidden: true, maxArrayLength: null, maxStringLength: null } as const;
  return `${inspect(output, everything)}\n${JSON.stringify(output, readably)}`;
}

/** A replacer for JSON.stringify that looks at the value itself and not at the result of its `toJSON`. */
function readably(this: Readonly<Record<string, unknown>>, key: string, said: unknown): unknown {
  const value = this[key];
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  return typeof value === 'bigint' ? String(value) : said;
}
