import dns from 'node:dns';
import { vi } from 'vitest';

const NAME = 'store.rollcall.test';

/** A host name that leads to the loopback address that the test says, for whoever asks by `dns.lookup`. */
export function changingName(endpoint: string) {
  const port = endpoint.slice(endpoint.lastIndexOf(':') + 1);
  let address = '127.0.0.1';
  const lookup = dns.lookup;
  const ours = vi
    .spyOn(dns, 'lookup')
    .mockImplementation(((host: string, ...rest: unknown[]) =>
      (lookup as (...args: unknown[]) => void)(host === NAME ? address : host, ...rest)) as typeof dns.lookup);
  const { promises } = dns;
  const promised = promises.lookup;
  const theirs = vi
    .spyOn(promises, 'lookup')
    .mockImplementation(((host: string, ...rest: unknown[]) =>
      (promised as (...args: unknown[]) => unknown)(host === NAME ? address : host, ...rest)) as typeof promised);
  return {
    endpoint: `${NAME}:${port}`,
    moveTo: (next: string): void => {
      address = next;
    },
    restore: (): void => {
      ours.mockRestore();
      theirs.mockRestore();
    },
  };
}
