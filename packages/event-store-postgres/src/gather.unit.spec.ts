import { expect, it } from '@jest/globals';
import { createGather } from './gather.ts';

/** A gather whose groups end when they are told to. */
function steered(options: { lanes: number; fullWeight?: number }) {
  const groups: { jobs: readonly number[]; end: () => void }[] = [];
  const gather = createGather<number, number>({
    ...options, mostWeight: 100, weightOf: (job) => job, keysOf: (job) => [String(job)],
    run: (jobs) => new Promise((resolve) => { groups.push({ jobs, end: () => resolve(jobs.map((job) => (job === 13 ? new Error('unlucky') : job * 2))) }); }),
  });
  const turn = async () => { for (let n = 0; n < 3; n++) await new Promise(setImmediate); };
  return { gather, groups, turn };
}

it('gathers one turn of the event loop, answers each job by itself, and lets the next group go beside it', async () => {
  const { gather, groups, turn } = steered({ lanes: 2 });
  const answers = Promise.allSettled([1, 13, 2].map((job) => gather.add(job)));
  await turn();
  const later = gather.add(3);
  await turn();
  const last = gather.add(4);
  await turn();
  expect(groups.map(({ jobs }) => jobs)).toEqual([[1, 13, 2], [3]]);
  groups[0]!.end();
  expect((await answers).map((answer) => (answer.status === 'fulfilled' ? answer.value : 'refused'))).toEqual([2, 'refused', 4]);
  await turn();
  expect(groups[2]!.jobs).toEqual([4]);
  for (const { end } of groups) end();
  expect(await Promise.all([later, last, gather.idle()])).toEqual([6, 8, undefined]);
});

it('starts nothing beside a full group, and keeps jobs of one key apart and in order', async () => {
  const { gather, groups, turn } = steered({ lanes: 2, fullWeight: 50 });
  const answers = [40, 10, 5, 5].map((job) => gather.add(job));
  await turn();
  expect(groups.map(({ jobs }) => jobs)).toEqual([[40, 10, 5]]);
  groups[0]!.end();
  await turn();
  expect(groups[1]!.jobs).toEqual([5]);
  groups[1]!.end();
  expect(await Promise.all(answers)).toEqual([80, 20, 10, 10]);
});
