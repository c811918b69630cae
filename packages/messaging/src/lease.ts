import { lockKey, type Client, type Pool } from '@rappel/postgres';
import { pause } from './pause.ts';

/** While it is held nobody else holds the lease of that name, as far as PostgreSQL can tell: fence what must not be written late. */
export interface HeldLease {
  /** Aborted when the connection that holds it is gone. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

export interface Lease {
  /** Waits until it is free. Rejects when `signal` is aborted or PostgreSQL cannot be reached. */
  acquire(signal: AbortSignal): Promise<HeldLease>;
}

const TRY_EVERY_MS = 500;
const SIGN_EVERY_MS = 2_000;
const SIGN_WITHIN_MS = 5_000;

/**
 * An advisory lock on a connection of its own (it takes one of the pool's while held). The server ends the session, and with it the
 * lease, 15 s after its last sign of life, so a frozen process does not keep it.
 */
export function createLease(pool: Pool, name: string): Lease {
  const key = lockKey(`rappel:lease:${name}`);
  return {
    acquire: async (signal) => {
      for (;;) {
        signal.throwIfAborted();
        const client = await pool.connect();
        const held = await take(client, key);
        if (held) return held;
        await pause(TRY_EVERY_MS * (0.5 + Math.random()), signal);
      }
    },
  };
}

async function take(client: Client, key: string): Promise<HeldLease | undefined> {
  try {
    const { rows } = await client.query<{ held: boolean }>('SELECT pg_try_advisory_lock($1) AS held', [key]);
    if (!rows[0]!.held) {
      client.release();
      return undefined;
    }
    await client.query("SET idle_session_timeout = '15s'");
  } catch (error) {
    client.release(true);
    throw error;
  }
  return hold(client);
}

function hold(client: Client): HeldLease {
  const lost = new AbortController();
  let over = false;
  const end = () => {
    if (over) return;
    over = true;
    clearInterval(signs);
    lost.abort(new Error('the lease is lost'));
    // Ends the session, which frees the lock.
    client.release(true);
  };
  client.on('error', end);
  client.on('end', end);
  const signs = setInterval(() => {
    const late = setTimeout(end, SIGN_WITHIN_MS);
    client.query('SELECT 1').then(() => clearTimeout(late), end);
  }, SIGN_EVERY_MS);
  signs.unref();
  return { lost: lost.signal, release: async () => end() };
}
