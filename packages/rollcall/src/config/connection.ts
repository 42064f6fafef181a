import type { ConnectOptions, TlsOptions } from '@rollcall/core';

/** Credentials, TLS and limits as one flat list; PEM texts, not paths. */
interface ConnectionFields {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly token: string | undefined;
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly serverName?: string | undefined;
  readonly insecureSkipVerify?: boolean | undefined;
  readonly maxMessageBytes?: number | undefined;
  readonly maxProofAgeMs?: number | undefined;
  readonly adapterOptions?: Readonly<Record<string, unknown>> | undefined;
}

/** Makes the options without undefined fields, so that equal connections have equal options and are shared. */
export function connection(fields: ConnectionFields): ConnectOptions {
  const { username, password, token, maxMessageBytes, maxProofAgeMs, adapterOptions, ...rest } = fields;
  const tls: TlsOptions = given(rest);
  const others = given({ username, password, token, maxMessageBytes, maxProofAgeMs, adapterOptions });
  return { ...others, ...(Object.keys(tls).length > 0 ? { tls } : {}) };
}

/** Merges two connections: each field from the first that has it. A password goes only with its own user. */
export function firstOf(first: ConnectOptions, second: ConnectOptions): ConnectOptions {
  const { password, ...others } = second;
  const oneUser = [first.username, undefined].includes(second.username) || first.username === undefined;
  const tls = { ...second.tls, ...first.tls };
  return {
    ...others,
    ...(oneUser && password !== undefined ? { password } : {}),
    ...first,
    ...(Object.keys(tls).length > 0 ? { tls } : {}),
  };
}

function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
