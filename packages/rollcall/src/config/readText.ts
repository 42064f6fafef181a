import { readFileSync, statSync } from 'node:fs';

/**
 * The text of a file.
 * @throws the system's error; Error for what is no regular file: a pipe would hold up the whole process.
 */
export function readText(path: string): string {
  if (!statSync(path).isFile()) throw new Error('it is no regular file');
  return readFileSync(path, 'utf8');
}

/** Why a file cannot be read, without its path: somebody may have given a key's text in place of its path. */
export function whyUnread(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}
