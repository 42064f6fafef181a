import type { Quarantined } from '@rollcall/core';
import { printable } from '@rollcall/core/internal';
import { decodeBrokers } from './decode.js';
import type { RegisteredBroker } from './listener.js';

/** The brokers that one key names, and what in its value cannot be used. */
export interface Registered {
  readonly brokers: readonly RegisteredBroker[];
  readonly rejected: readonly string[];
}

/** `decodeBrokers`, which remembers what it rejected. @throws Error when the key names no usable broker. */
export function decodeRegistered(value: Uint8Array, key: string, reject: (reason: string) => void): Registered {
  const rejected: string[] = [];
  const brokers = decodeBrokers(value, key, (reason) => {
    rejected.push(reason);
    reject(reason);
  });
  return { brokers, rejected };
}

/** Whether these are the brokers of a value before the one that is in quarantine, and not a part of that one. */
export function isKept(registered: Registered | undefined, quarantined: Quarantined | undefined): boolean {
  if (registered === undefined || quarantined === undefined) return false;
  return quarantined.reason !== printable(registered.rejected.join('; '));
}
