import type { Quarantined } from '@rollcall/core';
import { printable } from '@rollcall/core/internal';
import { decodeBrokers } from './decode.js';
import type { RegisteredBroker } from './listener.js';

/** The brokers that one key names, and the parts of its value that cannot be used. */
export interface Registered {
  readonly brokers: readonly RegisteredBroker[];
  readonly rejected: readonly string[];
}

/** `decodeBrokers`, and the addresses that it rejected. @throws Error if the key names no usable broker. */
export function decodeRegistered(value: Uint8Array, key: string, reject: (reason: string) => void): Registered {
  const rejected: string[] = [];
  const brokers = decodeBrokers(value, key, (reason) => {
    rejected.push(reason);
    reject(reason);
  });
  return { brokers, rejected };
}

/** Whether the brokers come from an earlier value of the key, because its present value is in quarantine. */
export function isKept(registered: Registered | undefined, quarantined: Quarantined | undefined): boolean {
  if (registered === undefined || quarantined === undefined) return false;
  return quarantined.reason !== printable(registered.rejected.join('; '));
}
