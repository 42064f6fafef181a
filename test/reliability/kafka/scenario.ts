import type { ProducerSetting } from '../../support/producers/protocol.js';
import { type Cast, type Performance, Cast as Producers } from './cast.js';
import type { Part, Stage } from './stage.js';

/** Something that happens, once a repeat, to all producers at the same time. */
export interface Scenario {
  /** `K03` */
  readonly name: string;
  readonly what: string;
  /** On a stage with one broker, behind a door. */
  readonly behindDoor?: true;
  /** Options of `brokerList()` that it is about. */
  list?(stage: Stage): Readonly<Record<string, unknown>>;
  /** The way of a producer, or how it is not as recommended, with which it is to fail; it has no part elsewhere. */
  readonly control?: 'static' | ProducerSetting['unsafe'];
  /** Why a client cannot have it that way; undefined: it can. */
  cannot?(part: Part): string | undefined;
  /** How long producers may take to settle their last messages, ms; 30 000 unless given. */
  readonly settleMs?: number;
  play(stage: Stage, cast: Cast): Promise<void>;
  /** What is wrong, beside what is lost, duplicated, reordered, or noticed. */
  wrong?(performance: Performance): string[];
}

/** What came of it for one producer. */
export interface Outcome extends Performance {
  readonly scenario: Scenario;
  /** Why this is not as promised; empty when it is. */
  readonly wrong: readonly string[];
}

/** Plays a scenario with a cast of its own. Who cannot have it is left out. */
export async function perform(
  stage: Stage,
  scenario: Scenario,
  parts: readonly Part[],
  { repeats = 1, onTurn = (_: number) => {} } = {},
): Promise<Outcome[]> {
  const able = parts.filter((part) => whyNot(scenario, part) === undefined);
  const list = scenario.list?.(stage) ?? {};
  const cast = await Producers.start(
    stage,
    able.map((part) => ({ ...part, list })),
  );
  for (let repeat = 1; repeat <= repeats; repeat++) {
    await cast.turn(() => scenario.play(stage, cast));
    onTurn(repeat);
  }
  const performances = await cast.finish(scenario.settleMs);
  return performances.map((each) => ({
    ...each,
    scenario,
    wrong: [...(isControl(each.part) ? [] : unkept(each)), ...(scenario.wrong?.(each) ?? [])],
  }));
}

/** Why it is left out; undefined: it is not. */
export function whyNot({ control, cannot }: Scenario, part: Part): string | undefined {
  const fails = part.unsafe ?? (part.way === 'static' ? 'static' : undefined);
  if (fails !== undefined && fails !== control) return `It is a control of another scenario (${fails}).`;
  return cannot?.(part);
}

const isControl = ({ way, unsafe }: Part): boolean => way === 'static' || unsafe !== undefined;

function unkept({ account, faults, noticed }: Performance): string[] {
  const unsettled = (['failed', 'pending'] as const).filter((count) => account[count] > 0);
  return [...faults, ...unsettled.map((count) => `${account[count]} ${count}`), ...noticed];
}
