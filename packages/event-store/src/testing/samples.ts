import { randomBytes, randomUUID } from 'node:crypto';
import type { Batch, EventStore, NewEvent, RecordedEvent, SubscribeOptions } from '../port.ts';

/** A category nobody else uses: nothing has to be wiped. */
export const newCategory = (): string => `test${randomBytes(8).toString('hex')}`;
export const newStream = (): string => `${newCategory()}-${randomUUID()}`;
export const event = (n: number, id: string = randomUUID()): NewEvent => ({ id, type: 'Happened', data: { n } });
export const events = (count: number): NewEvent[] => Array.from({ length: count }, (_, i) => event(i + 1));
export const numbers = (recorded: readonly RecordedEvent[]): number[] => recorded.map(({ data }) => (data as { n: number }).n);
export const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);
export const codeOf = (error: unknown): string => String((error as { code?: string }).code);

export interface Following {
  readonly batches: readonly Batch[];
  readonly events: () => RecordedEvent[];
  /** Resolves once the condition holds; looked at after every batch. */
  until(condition: (following: Following) => boolean): Promise<void>;
  stop(): Promise<void>;
}

/** Reads a subscription in the background and keeps all of it. */
export function follow(store: EventStore, options: SubscribeOptions & { onBatch?: (batch: Batch) => unknown } = {}): Following {
  const { onBatch, ...wanted } = options;
  const batches: Batch[] = [];
  const abort = new AbortController();
  let looked: (() => void)[] = [];
  let failure: unknown;
  const look = () => { for (const resolve of looked.splice(0)) resolve(); };
  const running = (async () => {
    for await (const batch of store.subscribe({ ...wanted, signal: abort.signal })) {
      batches.push(batch);
      await onBatch?.(batch);
      look();
    }
  })().catch((error: unknown) => { failure = error; }).finally(look);
  const following: Following = {
    batches,
    events: () => batches.flatMap((batch) => batch.events),
    until: async (condition) => {
      while (!condition(following)) {
        if (failure) throw failure;
        await new Promise<void>((resolve) => { looked.push(resolve); });
      }
    },
    stop: async () => {
      abort.abort();
      await running;
      looked = [];
      if (failure) throw failure;
    },
  };
  return following;
}
