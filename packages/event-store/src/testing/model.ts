import { createHash, randomBytes } from 'node:crypto';
import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createInMemoryEventStore } from '../memory.ts';
import type { Append, Appended, Checkpoint, EventStore, ExpectedVersion, RecordedEvent } from '../port.ts';
import type { GetSubject } from './subject.ts';
import { codeOf } from './samples.ts';

type Operation =
  | { readonly kind: 'append'; readonly appends: readonly { readonly stream: number; readonly ids: readonly number[]; readonly expected: ExpectedVersion }[] }
  | { readonly kind: 'stream'; readonly stream: number; readonly from: number | undefined; readonly backwards: boolean; readonly limit: number | undefined }
  | { readonly kind: 'all'; readonly categories: readonly number[]; readonly backwards: boolean; readonly limit: number; readonly at: number };

const stream = fc.nat({ max: 3 });
const append = fc.record({ stream, ids: fc.array(fc.nat({ max: 30 }), { minLength: 1, maxLength: 3 }), expected: fc.oneof(fc.constant<ExpectedVersion>('any'), fc.nat({ max: 4 })) });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('append' as const), appends: fc.array(append, { minLength: 1, maxLength: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('stream' as const), stream, from: fc.option(fc.integer({ min: 0, max: 6 }), { nil: undefined }), backwards: fc.boolean(), limit: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('all' as const), categories: fc.uniqueArray(fc.nat({ max: 1 }), { minLength: 1 }), backwards: fc.boolean(), limit: fc.integer({ min: 1, max: 8 }), at: fc.nat({ max: 20 }) }) },
);

/** Speaks the numbers of the operations in names and ids of this run, and the store's checkpoints as places in what it has shown. */
function translator(run: string) {
  const uuid = (n: number): string => {
    const hex = createHash('sha1').update(`${run} ${n}`).digest('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  };
  return {
    category: (n: number) => `${run}c${n}`,
    stream: (n: number) => `${run}c${n % 2}-${n}`,
    append: ({ stream, ids, expected }: { stream: number; ids: readonly number[]; expected: ExpectedVersion }): Append =>
      ({ stream: `${run}c${stream % 2}-${stream}`, events: ids.map((n) => ({ id: uuid(n), type: `Type${n}`, data: { n } })), expected }),
  };
}

interface Side {
  readonly store: EventStore;
  readonly run: string;
  /** Checkpoints of this run's events, in order: both stores number the same places. */
  checkpoints: readonly Checkpoint[];
}

/** Runs one operation; what came out, without what may differ between stores (checkpoints, times). */
async function perform({ store, run, checkpoints }: Side, op: Operation): Promise<unknown> {
  const words = translator(run);
  const plain = (recorded: readonly RecordedEvent[]) =>
    recorded.map(({ checkpoint, ...rest }) => ({ ...rest, recordedAt: 'some time', place: checkpoints.indexOf(checkpoint) }));
  if (op.kind === 'stream') {
    const { from, limit, backwards } = op;
    return plain(await store.readStream(words.stream(op.stream), { backwards, ...(from !== undefined && { from }), ...(limit !== undefined && { limit }) }));
  }
  if (op.kind === 'all') {
    const { backwards, limit } = op;
    const after = checkpoints[op.at];
    return plain(await store.readAll({ categories: op.categories.map(words.category), backwards, limit, ...(after !== undefined && { after }) }));
  }
  const answer = await store.appendMany(op.appends.map(words.append)).catch((error: unknown) => error);
  if (!Array.isArray(answer)) return { refused: codeOf(answer), actual: (answer as { actual?: number }).actual };
  return (answer as Appended[]).map(({ stream, version, duplicate }) => ({ stream, version, duplicate }));
}

async function lookAgain(side: Side): Promise<number> {
  const events = await side.store.readAll({ categories: [0, 1].map(translator(side.run).category), limit: 10_000 });
  side.checkpoints = events.map(({ checkpoint }) => checkpoint);
  return events.length;
}

async function behaveAlike(store: EventStore, operations: readonly Operation[]): Promise<void> {
  const run = `model${randomBytes(6).toString('hex')}`;
  const real: Side = { store, run, checkpoints: [] };
  const model: Side = { store: createInMemoryEventStore(), run, checkpoints: [] };
  for (const op of operations) {
    expect({ op, answer: await perform(real, op) }).toEqual({ op, answer: await perform(model, op) });
    if (op.kind === 'append') expect(await lookAgain(real)).toBe(await lookAgain(model));
  }
}

export function modelCases(get: GetSubject): void {
  const seed = Number(process.env.RAPPEL_SEED ?? Date.now() % 1_000_000_000);
  it(`answers any sequence of operations as the model does (RAPPEL_SEED=${seed})`, async () => {
    await fc.assert(fc.asyncProperty(fc.array(operation, { minLength: 5, maxLength: 30 }), (operations) => behaveAlike(get().store, operations)), { seed, numRuns: 40, endOnFailure: false });
  }, 120_000);
}
