/** How much is measured. */
export interface Sizes {
  /** How often, ours and the peer's in turn. */
  readonly rounds: number;
  /** Keys of 200 bytes in etcd. */
  readonly keys: number;
  /** Of the first state whose slices are measured, beside `keys`. */
  readonly manyKeys: number;
  readonly replay: { readonly revisions: number; readonly keysEach: number; readonly singles: number };
  readonly watches: number;
  /** How long watches are watched doing nothing, ms, and how long they are left alone before. */
  readonly idleMs: number;
  readonly settleMs: number;
  readonly live: readonly { readonly perSecond: number; readonly events: number }[];
  readonly consulKeys: number;
  readonly consulChanges: number;
  readonly hotMs: number;
  /** Held keys for the cost of a change. */
  readonly held: readonly [few: number, many: number];
  readonly stalledChanges: number;
  /** In collections. */
  readonly items: number;
  /** How long requests are sent, ms. */
  readonly gatewayMs: number;
  /** For Kafka, in batches; a tenth of them one at a time. */
  readonly records: number;
}

/** `npm run bench`. */
export const WHOLE: Sizes = {
  rounds: 7,
  keys: 100_000,
  manyKeys: 500_000,
  replay: { revisions: 1_000, keysEach: 100, singles: 30_000 },
  watches: 1_000,
  idleMs: 10_000,
  settleMs: 15_000,
  live: [
    { perSecond: 100, events: 300 },
    { perSecond: 2_000, events: 6_000 },
  ],
  consulKeys: 10_000,
  consulChanges: 20,
  hotMs: 5_000,
  held: [10_000, 1_000_000],
  stalledChanges: 300_000,
  items: 10_000,
  gatewayMs: 3_000,
  records: 30_000,
};

/** `npm test`: that it measures what it says, in seconds. */
export const TINY: Sizes = {
  rounds: 1,
  keys: 2_000,
  manyKeys: 3_000,
  replay: { revisions: 20, keysEach: 10, singles: 50 },
  watches: 20,
  idleMs: 100,
  settleMs: 0,
  live: [{ perSecond: 200, events: 40 }],
  consulKeys: 1_000,
  consulChanges: 3,
  hotMs: 500,
  held: [100, 1_000],
  stalledChanges: 500,
  items: 100,
  gatewayMs: 300,
  records: 200,
};
