import { isIPv6 } from 'node:net';
import { InvalidArgumentError } from 'commander';

/** Where to listen. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** `host:port`, `[ipv6]:port`; port 0 is any that is free. @throws commander's InvalidArgumentError */
export function parseListen(text: string): ListenAddress {
  const [, bracketed, name, digits] = /^(?:\[([^[\]]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? name;
  const port = Number(digits);
  if (host !== undefined && port <= 65535 && (bracketed === undefined || isIPv6(bracketed))) return { host, port };
  throw new InvalidArgumentError('It must be host:port, as 127.0.0.1:9092 or [::1]:9092; port 0 is any that is free.');
}
