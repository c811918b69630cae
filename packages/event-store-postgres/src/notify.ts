import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from '@rappel/postgres';
import pg from 'pg';
import type { Wake } from './tail.ts';

const CHANNEL = 'rappel_event_store';
const LONGEST_PAYLOAD = 4000;
/** Under a steady stream of appends one word for all of this time; the first after a pause goes at once. */
const PAUSE_MS = 40;

/**
 * Wakes over NOTIFY, outside the appends' transactions: one small transaction that waits for no disk, with the news of
 * all appends since the last one. Listens on a connection of its own; where that fails (a transaction pooler), the poll remains.
 */
export function createNotifyWake(pool: Pool): Wake {
  const me = randomUUID().slice(0, 8);
  const pending = new Set<string>();
  let sending = false;

  async function send(): Promise<void> {
    sending = true;
    while (pending.size > 0) {
      const categories = JSON.stringify([...pending]);
      pending.clear();
      const payload = `${me}${categories.length > LONGEST_PAYLOAD ? '' : categories}`;
      await pool.query(`BEGIN; SET LOCAL synchronous_commit TO off; NOTIFY ${CHANNEL}, ${pg.escapeLiteral(payload)}; COMMIT`).catch(() => undefined);
      await sleep(PAUSE_MS);
    }
    sending = false;
  }

  return {
    notify: (categories) => {
      for (const category of categories) pending.add(category);
      if (!sending) void send();
    },
    onWake: (callback) => listen(pool, (payload) => {
      if (payload?.startsWith(me)) return;
      callback(payload && payload.length > me.length ? JSON.parse(payload.slice(me.length)) as string[] : undefined);
    }),
  };
}

/** Listens until told to stop, connecting again whenever the line breaks; each new connection counts as news. */
function listen(pool: Pool, onNews: (payload?: string) => void): () => void {
  const stop = new AbortController();
  void (async () => {
    while (!stop.signal.aborted) {
      await listenOnce(pool, onNews, stop.signal).catch(() => undefined);
      await sleep(1000, undefined, { signal: stop.signal, ref: false }).catch(() => undefined);
    }
  })();
  return () => stop.abort();
}

async function listenOnce(pool: Pool, onNews: (payload?: string) => void, signal: AbortSignal): Promise<void> {
  const client = new pg.Client({ ...pool.options, keepAlive: true });
  const ended = new Promise<void>((resolve) => {
    client.on('error', () => resolve());
    client.on('end', () => resolve());
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  try {
    await client.connect();
    client.on('notification', ({ payload }) => onNews(payload));
    await client.query(`LISTEN ${CHANNEL}`);
    onNews();
    await ended;
  } finally {
    await client.end().catch(() => undefined);
  }
}
