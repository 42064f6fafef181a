import type { Entry } from '@rollcall/core';
import type { KeyValue } from '../rpc/messages.js';

export function entryOf({ value, modRevision, createRevision }: KeyValue): Entry {
  // Copied: a view would keep the whole message for as long as one of its values is held.
  return { value: new Uint8Array(value), revision: modRevision, createRevision };
}
