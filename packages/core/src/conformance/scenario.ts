import type { ScenarioContext } from './context.js';

/** One test of the suite. */
export interface Scenario {
  /** Its number, and a part of it where one backend may lack just that: `S12`, `S12.bytes`. Skips name it. */
  readonly id: string;
  readonly title: string;
  run(context: ScenarioContext): Promise<void>;
}
