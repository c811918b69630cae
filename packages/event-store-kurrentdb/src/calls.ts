import { setTimeout as sleep } from 'node:timers/promises';
import { EventRefused, isStoreUnavailable, StoreUnavailable } from '@rappel/event-store';

/** Runs one call on the server: never longer than the time-out, again when the leader moved, its errors translated. */
export type Call = <T>(work: () => Promise<T>) => Promise<T>;

const typeOf = (error: unknown): string => String((error as { type?: unknown }).type);
export const isWrongVersion = (error: unknown): boolean => ['wrong-expected-version', 'append-consistency-violation'].includes(typeOf(error));
export const isNotFound = (error: unknown): boolean => ['stream-not-found', 'not-found'].includes(typeOf(error));

const tooBig = new Set(['maximum-append-size-exceeded', 'append-record-size-exceeded', 'transaction-max-size-exceeded']);
// "unknown" is how the client reports connections that break in ways it has no name for.
const passing = new Set(['unavailable', 'deadline-exceeded', 'timeout', 'cancelled', 'not-leader', 'unknown']);
// gRPC's own CANCELLED, DEADLINE_EXCEEDED, INTERNAL and UNAVAILABLE, where the client passes them on as they are.
const passingCodes = new Set<unknown>([1, 4, 13, 14]);
const LEADER_MOVES = 4;

/** @param onUnavailable told whenever a call ends with `StoreUnavailable` */
export function createCall(timeoutMs: number, onUnavailable: () => void = () => undefined): Call {
  return async (work) => {
    for (let move = 1; ; move++) {
      try {
        return await inTime(work(), timeoutMs);
      } catch (error) {
        const reason = translated(error);
        if (isStoreUnavailable(reason)) onUnavailable();
        if (typeOf(error) !== 'not-leader' || move === LEADER_MOVES) throw reason;
        await sleep(50 * move);
      }
    }
  };
}

async function inTime<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  const over = new AbortController();
  const late = sleep(timeoutMs, undefined, { signal: over.signal }).then(
    () => { throw new StoreUnavailable(`KurrentDB gave no answer within ${timeoutMs} ms`); },
    () => undefined as never,
  );
  try {
    return await Promise.race([work, late]);
  } finally {
    over.abort();
  }
}

export function translated(error: unknown): unknown {
  const type = typeOf(error);
  if (passing.has(type) || passingCodes.has((error as { code?: unknown }).code)) return new StoreUnavailable(`KurrentDB is not available: ${(error as Error).message || type}`, { cause: error });
  if (tooBig.has(type)) return new EventRefused('the append is larger than the server takes (its MaxAppendSize)', { cause: error });
  if (type === 'stream-deleted' || type === 'stream-tombstoned') return new EventRefused('the stream was deleted on the server', { cause: error });
  if (type === 'unsupported') return new EventRefused('several streams at once need KurrentDB 25.1; see the option manyStreams', { cause: error });
  return error;
}
