import type { Pool } from '@rappel/postgres';
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import type { Limiter } from './gate.ts';

export interface LimiterOptions {
  readonly pool: Pool;
  /** Whose limits these are, e.g. `whatsapp:+14155238886`: all instances that send as this one share them. */
  readonly sender: string;
  /** Messages a second over all instances; absent = no limit. */
  readonly perSecond?: number;
  /** Messages a day (UTC) over all instances; absent = no limit. */
  readonly perDay?: number;
}

/** A part of a window's allowance that this process may spend without asking again. */
interface Block { tokens: number; validUntil: number; /** Nothing is left of the window after it. */ last: boolean }

interface Bucket {
  /** Milliseconds to wait for the next token; 0 = one was taken. */
  take(): Promise<number>;
  putBack(): void;
}

/**
 * Limits per second and day shared through PostgreSQL. Each process leases blocks of tokens that are worth only within their
 * window, so a message costs no round trip and all processes together stay under the limit; what a process does not use of a
 * block is lost, never too much sent. Run `migrateDelivery` first.
 */
export function createLimiter({ pool, sender, perSecond, perDay }: LimiterOptions): Limiter {
  const second = perSecond === undefined ? undefined : createBucket(pool, { keyPrefix: 'second', limit: perSecond, seconds: 1, block: Math.floor(perSecond / 4), key: () => sender });
  const day = perDay === undefined ? undefined : createBucket(pool, { keyPrefix: 'day', limit: perDay, seconds: 86_400, block: Math.floor(perDay / 1000), key: () => `${sender}:${today()}`, windowEnd: endOfDay });
  return {
    async take(maxWaitMs) {
      const deadline = Date.now() + maxWaitMs;
      const forDay = await day?.take() ?? 0;
      if (forDay > 0) return { ok: false, reason: 'daily-limit', afterMs: forDay };
      for (;;) {
        const wait = await second?.take() ?? 0;
        if (wait === 0) return { ok: true };
        if (Date.now() + wait > deadline) {
          day?.putBack();
          return { ok: false, reason: 'rate', afterMs: wait };
        }
        await new Promise((resolve) => { setTimeout(resolve, wait); });
      }
    },
  };
}

const today = (): string => new Date().toISOString().slice(0, 10);
const endOfDay = (): number => Date.parse(`${today()}T00:00:00.000Z`) + 86_400_000;

interface BucketOptions { readonly keyPrefix: string; readonly limit: number; readonly seconds: number; readonly block: number; readonly key: () => string; readonly windowEnd?: () => number }

function createBucket(pool: Pool, { keyPrefix, limit, seconds, block: wanted, key, windowEnd }: BucketOptions): Bucket {
  const size = Math.max(1, wanted);
  const shared = new RateLimiterPostgres({
    storeClient: pool, storeType: 'pool', schemaName: 'delivery', tableName: 'rates', tableCreated: true, clearExpiredByTimeout: false,
    keyPrefix, points: limit, duration: seconds,
  });
  let block: Block = { tokens: 0, validUntil: 0, last: false };
  let asking: Promise<void> | undefined;

  async function ask(): Promise<void> {
    const answer = await shared.consume(key(), size).catch((refused: unknown) => {
      if (refused instanceof RateLimiterRes) return refused;
      throw refused;
    });
    // Asking counts even when it is refused: what was left before it is ours.
    const left = limit - (answer.consumedPoints - size);
    const validUntil = Math.min(Date.now() + answer.msBeforeNext, windowEnd?.() ?? Infinity);
    block = { tokens: Math.max(0, Math.min(size, left)), validUntil, last: left <= size };
  }

  const spend = (): boolean => {
    if (block.tokens === 0 || Date.now() >= block.validUntil) return false;
    block.tokens -= 1;
    return true;
  };
  return {
    async take() {
      for (;;) {
        if (spend()) return 0;
        if (block.last && Date.now() < block.validUntil) return Math.max(1, block.validUntil - Date.now());
        asking ??= ask().finally(() => { asking = undefined; });
        await asking;
      }
    },
    putBack() { block.tokens += 1; },
  };
}
