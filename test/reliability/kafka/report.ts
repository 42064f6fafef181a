import { type Account, sumOf } from './account.js';
import { percentile } from './measure.js';
import type { Outcome } from './scenario.js';
import type { Part } from './stage.js';

/** What came of a scenario for one client and way, over all repeats. Times are ms; null where there was none. */
export interface Row extends Account, Required<Pick<Part, 'client' | 'way' | 'senders' | 'keyed'>> {
  readonly scenario: string;
  readonly what: string;
  /** How it was not as recommended: a control. */
  readonly unsafe: string | null;
  readonly repeats: number;
  readonly rebootstraps: number;
  readonly connections: number;
  readonly longestGapMs: { readonly p50: number | null; readonly max: number | null };
  /** From a change of keys to the list that was published, and to the first acknowledgement. */
  readonly listMs: Percentiles;
  readonly firstMs: Percentiles;
  readonly wrong: readonly string[];
}

interface Percentiles {
  readonly p50: number | null;
  readonly p99: number | null;
}

/** One row for each scenario, client, way, number of senders, and with or without keys. */
export function rowsOf(outcomes: readonly Outcome[]): Row[] {
  const groups = new Map<string, Outcome[]>();
  for (const outcome of outcomes) {
    const { client, way, senders, keyed, unsafe } = outcome.part;
    const group = [outcome.scenario.name, client, way, senders, keyed, unsafe].join();
    groups.set(group, [...(groups.get(group) ?? []), outcome]);
  }
  return [...groups.values()].flatMap((group) => (group[0] ? [rowOf(group[0], group)] : []));
}

function rowOf({ scenario, part }: Outcome, group: readonly Outcome[]): Row {
  const turns = group.flatMap((outcome) => outcome.turns);
  const gaps = turns.map(({ longestGapMs }) => longestGapMs);
  const percentiles = (name: 'listMs' | 'firstMs'): Percentiles => {
    const values = turns.flatMap((turn) => turn[name] ?? []);
    return { p50: some(percentile(values, 0.5)), p99: some(percentile(values, 0.99)) };
  };
  return {
    scenario: scenario.name,
    what: scenario.what,
    client: part.client,
    way: part.way,
    senders: part.senders,
    keyed: part.keyed,
    unsafe: part.unsafe ?? null,
    repeats: turns.length,
    ...sumOf(group.map(({ account }) => account)),
    rebootstraps: turns.reduce((sum, turn) => sum + turn.rebootstraps, 0),
    connections: turns.reduce((sum, turn) => sum + turn.connections, 0),
    longestGapMs: { p50: some(percentile(gaps, 0.5)), max: some(percentile(gaps, 1)) },
    listMs: percentiles('listMs'),
    firstMs: percentiles('firstMs'),
    wrong: group.flatMap(({ wrong }) => wrong),
  };
}

/** JSON has no NaN. */
const some = (value: number): number | null => (Number.isNaN(value) ? null : value);

const COLUMNS: readonly (readonly [title: string, of: (row: Row) => string | number | null])[] = [
  ['scenario', ({ scenario }) => scenario],
  ['client', ({ client }) => client],
  ['way', ({ way, unsafe }) => (unsafe ? `${way}, ${unsafe}` : way)],
  ['senders', ({ senders, keyed }) => `${senders} ${keyed ? 'keyed' : 'keyless'}`],
  ['repeats', ({ repeats }) => repeats],
  ['acknowledged', ({ acknowledged }) => acknowledged],
  ['lost', ({ lost }) => lost],
  ['duplicated', ({ duplicated }) => duplicated],
  ['reordered', ({ reordered }) => reordered],
  ['failed, delivered', ({ failed, failedButDelivered }) => `${failed}, ${failedButDelivered}`],
  ['rebootstraps', ({ rebootstraps }) => rebootstraps],
  ['connections', ({ connections }) => connections],
  ['longest gap p50/max', ({ longestGapMs: { p50, max } }) => pair(p50, max)],
  ['key to list p50/p99', ({ listMs: { p50, p99 } }) => pair(p50, p99)],
  ['key to first acknowledgement p50/p99', ({ firstMs: { p50, p99 } }) => pair(p50, p99)],
  ['', ({ wrong }) => (wrong.length === 0 ? 'as promised' : wrong.join('; '))],
];

const pair = (a: number | null, b: number | null): string => (a === null ? '-' : `${a}/${b}`);

/** For people, and for Markdown. */
export function table(rows: readonly Row[]): string {
  const lines = [COLUMNS.map(([title]) => title), COLUMNS.map(() => '---')];
  for (const row of rows) lines.push(COLUMNS.map(([, of]) => String(of(row))));
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** What all repeats together say of one client's way. */
export interface Verdict {
  readonly scenario: string;
  readonly client: string;
  readonly way: string;
  /** Its producers go through each side by side, so that they count once. */
  readonly repeats: number;
  readonly acknowledged: number;
  /** Lost, duplicated and reordered messages. */
  readonly faults: number;
  /** Without a fault in n repeats the chance of one in a repeat is less than 3/n, with 95 % confidence (the rule of three). */
  readonly chanceBelow: number | null;
}

/** Of the ways that are recommended, or at least not controls. */
export function verdictsOf(rows: readonly Row[]): Verdict[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    if (row.unsafe !== null || row.way === 'static') continue;
    const group = [row.scenario, row.client, row.way].join(' ');
    groups.set(group, [...(groups.get(group) ?? []), row]);
  }
  return [...groups.values()].flatMap((group) => (group[0] ? [verdictOf(group[0], group)] : []));
}

function verdictOf({ scenario, client, way }: Row, group: readonly Row[]): Verdict {
  const sum = (of: (row: Row) => number): number => group.reduce((total, row) => total + of(row), 0);
  const repeats = sum((row) => row.repeats) / new Set(group.map(({ senders }) => senders)).size;
  const faults = sum(({ lost, duplicated, reordered }) => lost + duplicated + reordered);
  const chanceBelow = faults === 0 ? Math.min(1, 3 / repeats) : null;
  return { scenario, client, way, repeats, acknowledged: sum((row) => row.acknowledged), faults, chanceBelow };
}

export function sentence({ scenario, client, way, repeats, acknowledged, faults, chanceBelow }: Verdict): string {
  const bound =
    chanceBelow === null || repeats < 20 ? '' : `, so fewer than ${(100 * chanceBelow).toFixed(1)} % of them (95 %)`;
  return `${scenario} ${client} ${way}: ${faults} of ${acknowledged} messages lost, duplicated or reordered in ${repeats} repeats${bound}.`;
}
