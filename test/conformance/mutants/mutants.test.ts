import { conformance, type Harness } from '@rollcall/core/conformance';
import { describe, expect, it, vi } from 'vitest';
import { memoryHarness } from '../memory-harness.js';
import { registryHarness } from '../registry-harness.js';
import { type Mutant, mutants } from './mutants.js';

/** What a mutant never does is waited for so long, ms; a good adapter needs some milliseconds. */
const PATIENCE_MS = 4_000;
vi.setConfig({ testTimeout: 60_000 });

/** The suite must fail an adapter that breaks a promise; otherwise its passing says nothing. */
describe('the conformance suite fails an adapter that', () => {
  // What a process holds open is looked at in S62.handles: others that run meanwhile would be in the way.
  const isAlone = ({ scenario }: Mutant): boolean => scenario === 'S62.handles';
  const named = (chosen: readonly Mutant[]) => chosen.map((mutant) => [mutant.name, mutant] as const);
  it.each(named(mutants.filter(isAlone)))('%s', fails);
  it.concurrent.each(named(mutants.filter((mutant) => !isAlone(mutant))))('%s', fails);

  async function fails(_: string, mutant: Mutant): Promise<void> {
    const harness = mutant.base === 'memory' ? memoryHarness(mutant.spoil) : registryHarness(mutant.spoil);
    const run = scenarioOf(mutant.scenario, { ...harness, patienceMs: PATIENCE_MS });
    await expect(run()).rejects.toThrow();
  }
});

describe('and passes the good adapters that those were made of', () => {
  const used = [...new Set(mutants.map(({ base, scenario }) => `${base} ${scenario}`))].sort();
  it.each(used)('%s', async (name) => {
    const [base, scenario = ''] = name.split(' ');
    await scenarioOf(scenario, base === 'memory' ? memoryHarness() : registryHarness())();
  });
});

it('a skip that names no scenario is refused', () => {
  const harness = { ...memoryHarness(), skips: { S99: 'a slip of the pen' } };
  expect(() => conformance({ describe, it }, harness)).toThrow('memory skips S99, which is no scenario');
});

/** All tests of the suite with an id, as one: `S03.text` is three of them. */
function scenarioOf(id: string, harness: Harness): () => Promise<void> {
  const tests: (() => Promise<void>)[] = [];
  const collect = (name: string, run: () => Promise<void>): void => {
    if (name.split(' ')[0] === id) tests.push(run);
  };
  const runner = {
    describe: (_: string, define: () => void) => define(),
    it: Object.assign(collect, { skip: () => {} }),
  };
  conformance(runner, harness);
  if (tests.length === 0) throw new Error(`${harness.name} has no scenario ${id}.`);
  return async () => {
    for (const test of tests) await test();
  };
}
