import type { ScenarioContext } from './context.js';

/** One test of the suite. */
export interface Scenario {
  /** The scenario's number; with a suffix for a part that one backend may lack: `S12`, `S12.bytes`. Skips name it. */
  readonly id: string;
  readonly title: string;
  run(context: ScenarioContext): Promise<void>;
}
