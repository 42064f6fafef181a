import type { Entry } from '@rollcall/core';
import type { KeyValue } from '../rpc/keyValue.js';
import type { RangeAnswer } from '../rpc/messages.js';

/** Whether the store's key is the entry that is held: written at the same revision, with the same bytes. */
export function isSame(found: KeyValue | undefined, held: Entry | undefined): boolean {
  return (
    found !== undefined &&
    held !== undefined &&
    found.modRevision === held.revision &&
    found.createRevision === held.createRevision &&
    Buffer.compare(found.value, held.value) === 0
  );
}

export function first(answer: RangeAnswer | undefined): KeyValue | undefined {
  const [kv] = answer?.kvs ?? [];
  return kv;
}
