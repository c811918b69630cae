import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { simulate, type Outcome } from './run.ts';

// `SIMULATION_RUNS=1000000` for a long run; `SIMULATION_SEED=n` replays one life.
const runs = Number(process.env.SIMULATION_RUNS ?? 1000);
const replayed = process.env.SIMULATION_SEED;

function promisesKept({ notifications, taken, backBefore, messages }: Outcome): void {
  const told = taken.flatMap(({ codes, type }) => codes.map((code) => `${code} ${type}`));
  // Nobody is told twice.
  expect(told.toSorted()).toEqual([...new Set(told)].toSorted());
  // Nothing is lost: everything published about has its record, and every record has come to an end.
  const about = messages.reduce((count, { event }) => count + ((event.data as { loans?: unknown[] }).loans?.length ?? 1), 0);
  expect(notifications).toHaveLength(about);
  expect(notifications.filter(({ phase }) => !['accepted', 'given-up', 'skipped'].includes(phase))).toEqual([]);
  // The log says sent exactly of what was received.
  const sent = notifications.filter(({ phase }) => phase === 'accepted').map(({ identity }) => `${identity!.attributionId} ${identity!.type}`);
  expect(sent.toSorted()).toEqual(told.toSorted());
  // No reminder for a loan that is back.
  expect(taken.filter(({ type, codes }) => type === 'RAPPEL_J1' && codes.some((code) => backBefore.has(code)))).toEqual([]);
}

describe('the simulated service', () => {
  it(`keeps its promises in ${replayed ?? runs} lives of crashes, repeats, lost answers and disorder`, async () => {
    if (replayed !== undefined) return promisesKept(await simulate(Number(replayed)));
    let crashes = 0;
    await fc.assert(fc.asyncProperty(fc.noShrink(fc.nat()), async (seed) => {
      const outcome = await simulate(seed);
      crashes += outcome.crashes;
      try {
        promisesKept(outcome);
      } catch (error) {
        throw new Error(`SIMULATION_SEED=${seed}`, { cause: error });
      }
    }), { numRuns: runs, includeErrorInReport: true });
    expect(crashes).toBeGreaterThan(runs / 10);
  }, 3_600_000);
});
