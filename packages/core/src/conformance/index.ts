/**
 * The tests that every backend must pass, for vitest, node:test, mocha or jest.
 * @module conformance
 */
import { ScenarioContext } from './context.js';
import type { Harness, Runner } from './harness.js';
import { withinPatience } from './patience.js';
import type { Scenario } from './scenario.js';
import { checkpointScenarios } from './scenarios/checkpoint.js';
import { endingScenarios } from './scenarios/ending.js';
import { livenessScenarios } from './scenarios/liveness.js';
import { readerScenarios } from './scenarios/readers.js';
import { resyncScenarios } from './scenarios/resync.js';
import { safetyScenarios } from './scenarios/safety.js';
import { sharingScenarios } from './scenarios/sharing.js';
import { stateScenarios } from './scenarios/state.js';
import { timeScenarios } from './scenarios/time.js';

export type { Backend, Harness, Runner, Write } from './harness.js';

const scenarios: readonly Scenario[] = [
  ...stateScenarios,
  ...resyncScenarios,
  ...sharingScenarios,
  ...timeScenarios,
  ...livenessScenarios,
  ...safetyScenarios,
  ...readerScenarios,
  ...checkpointScenarios,
  ...endingScenarios,
];

const REAL_TIME = 'the adapter runs on real time here';

/**
 * What every backend must do, as tests. An adapter proves itself with a harness of some twenty lines:
 * `conformance({ describe, it }, harness)` in a test file of vitest, node:test, mocha or jest.
 * @throws Error for a skip that names no scenario.
 */
export function conformance({ describe, it }: Runner, harness: Harness): void {
  const { name, skips = {} } = harness;
  for (const id of Object.keys(skips)) {
    if (!scenarios.some((scenario) => scenario.id === id))
      throw new Error(`${name} skips ${id}, which is no scenario.`);
  }
  describe(`conformance of ${name}`, () => {
    for (const { id, title, run } of scenarios) {
      const reason = skips[id] ?? (harness.needsRealTime && id === 'S26' ? REAL_TIME : undefined);
      const test = async (): Promise<void> => {
        await using context = new ScenarioContext(harness, await harness.open());
        try {
          await withinPatience(harness.patienceMs, () => run(context));
        } catch (error) {
          throw context.explained(error);
        }
      };
      if (reason === undefined) it(`${id} ${title}`, test);
      else it.skip(`${id} ${title} (skipped: ${reason})`, test);
    }
  });
}
