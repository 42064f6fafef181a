import { WatchError } from '@rollcall/core';

/** Makes an UNREADABLE error. `why` continues the sentence `Cannot read "…": ` and says what to do. */
export function unreadable(path: string, why: string, cause?: unknown): WatchError {
  return new WatchError('UNREADABLE', `Cannot read "${path}": ${why}.`, cause === undefined ? {} : { cause });
}

/** The error for a system call that failed during a read. An error without an errno is a defect: INTERNAL. */
export function readFailure(path: string, error: unknown): WatchError {
  switch (errnoOf(error)) {
    case undefined:
      return WatchError.from(error);
    case 'ENOENT':
      return unreadable(
        path,
        'it does not exist; create it (a map of keys to values, {} for none), it is read as soon as it is there',
        error,
      );
    case 'EACCES':
    case 'EPERM':
      return new WatchError('FORBIDDEN', `Cannot read "${path}": permission denied; let this user read it.`, {
        cause: error,
      });
    case 'ELOOP':
      return unreadable(path, 'its symbolic links lead in a circle; mend the link', error);
    default:
      return unreadable(path, `the system says ${errnoOf(error)}; mend that, it is tried again by itself`, error);
  }
}

/** The error for a system call that failed during a write. */
export function writeFailure(path: string, error: unknown): WatchError {
  const code = errnoOf(error);
  const text = `Cannot write "${path}": `;
  switch (code) {
    case undefined:
      return WatchError.from(error);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new WatchError('FORBIDDEN', `${text}permission denied (${code}); let this user write in its folder.`, {
        cause: error,
      });
    case 'EBUSY':
    case 'EXDEV':
      return new WatchError(
        'UNSUPPORTED',
        `${text}it is a mount point of its own and cannot be replaced atomically; mount its folder instead.`,
        { cause: error },
      );
    case 'ENOTDIR':
    case 'EISDIR':
    case 'EEXIST':
    case 'ENOTEMPTY':
      return new WatchError(
        'UNSUPPORTED',
        `${text}in a folder a key cannot be both a file and a folder of other keys; choose another key.`,
        { cause: error },
      );
    case 'ENAMETOOLONG':
      return new WatchError('UNSUPPORTED', `${text}a part of the key is too long for a file name; shorten it.`, {
        cause: error,
      });
    default:
      return new WatchError('UNAVAILABLE', `${text}the system says ${code}.`, { cause: error });
  }
}

/** The errno, as `ENOENT`; undefined if it is no system error. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'errno' in error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}
