/** One comparison, as `npm run bench -- --json` prints it. */
export interface Row {
  /** The name for `--only`. */
  readonly name: string;
  readonly work: string;
  readonly metric: string;
  /** Ours by the peer's, of the medians; null where there is no peer. */
  readonly ratio: number | null;
  /** As `ratio <= 0.6`; null where the row only shows. */
  readonly target: string | null;
  readonly met: boolean | null;
  /** Medians, in the metric's unit. */
  readonly ours: number;
  readonly peer: number | null;
  readonly peerName: string | null;
  /** The lowest and the highest of the rounds. */
  readonly spread: { readonly ours: Range; readonly peer: Range | null };
}

type Range = readonly [lowest: number, highest: number];

/** What must not be above a limit. */
export type Target =
  | { readonly of: 'ratio'; readonly most: number }
  | { readonly of: 'ours'; readonly most: number }
  /** Ours less the peer's. */
  | { readonly of: 'difference'; readonly most: number };

export interface Comparison {
  readonly name: string;
  readonly work: string;
  /** With its unit. */
  readonly metric: string;
  readonly target?: Target;
  readonly ours: readonly number[];
  readonly peer?: { readonly name: string; readonly values: readonly number[] };
}

export function rowOf({ name, work, metric, target, ours, peer }: Comparison): Row {
  const own = median(ours);
  const other = peer === undefined ? null : median(peer.values);
  const ratio = other === null ? null : own / other;
  const value = { ratio: ratio ?? Number.NaN, ours: own, difference: own - (other ?? Number.NaN) };
  return {
    name,
    work,
    metric,
    ratio: ratio === null ? null : rounded(ratio),
    target: target === undefined ? null : `${target.of} <= ${target.most}`,
    met: target === undefined ? null : value[target.of] <= target.most,
    ours: rounded(own),
    peer: other === null ? null : rounded(other),
    peerName: peer?.name ?? null,
    spread: { ours: rangeOf(ours), peer: peer === undefined ? null : rangeOf(peer.values) },
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function rangeOf(values: readonly number[]): Range {
  return [rounded(Math.min(...values)), rounded(Math.max(...values))];
}

/** To three digits. */
function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
