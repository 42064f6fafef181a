import { createHash } from 'node:crypto';
import { collect, derive, type Logger, type Watcher } from 'rollcall';
import { z } from 'zod';

/** `NAME` under the prefix: a caller, by the SHA-256 of its key, so that the registry holds no secret. */
const callerSchema = z.strictObject({ sha256: z.string().regex(/^[0-9a-f]{64}$/) });

/** Who may send; while the registry is away, by the last good keys. */
export function createCallers(watcher: Watcher, logger: Logger) {
  const callers = collect(watcher, { schema: callerSchema, logger });
  const byHash = derive([callers], (all) => new Map([...all].map(([name, { sha256 }]) => [sha256, name])), { logger });
  return {
    callers,
    isKnown: (): boolean => callers.version > 0,
    /** The caller whose key a request has, as `Authorization: Bearer KEY`. To find a hash takes no longer for a near miss. */
    nameOf: async (authorization = ''): Promise<string | undefined> => {
      const [, key] = /^Bearer ([\x21-\x7e]+)$/i.exec(authorization) ?? [];
      return key === undefined ? undefined : (await byHash.get()).get(createHash('sha256').update(key).digest('hex'));
    },
  };
}
