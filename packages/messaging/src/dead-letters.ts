import { JetStreamApiError, jetstream } from '@nats-io/jetstream';
import { headers as natsHeaders, type NatsConnection } from '@nats-io/nats-core';
import { inTransaction, type Client, type Pool } from '@rappel/postgres';
import type { DeadLetter, DeadLetterSink, Issue } from './port.ts';

export type DeadLetterStatus = 'open' | 'retried' | 'dropped';

/** A dead letter without what it carried. */
export interface DeadLetterSummary extends Omit<DeadLetter, 'headers' | 'payload'> {
  readonly status: DeadLetterStatus;
}

/** Who did what with a letter, and why. */
export interface DeadLetterAudit {
  readonly action: 'retried' | 'dropped';
  /** True when other bytes than the original ones were sent. */
  readonly mended: boolean;
  readonly actor: string;
  readonly why: string;
  readonly at: string;
}

export interface DeadLetterDetail extends DeadLetter {
  readonly status: DeadLetterStatus;
  readonly audit: readonly DeadLetterAudit[];
}

export interface Decision {
  /** `operator:alice`. */
  readonly actor: string;
  readonly why: string;
}

export interface DeadLetters extends DeadLetterSink {
  /** Newest first. `next` is there when more may follow: pass it as `after`. */
  list(filter?: { status?: DeadLetterStatus; consumer?: string; after?: string; limit?: number }): Promise<{ letters: DeadLetterSummary[]; next?: string }>;
  /** Headers and payload opened, with what was done to it. */
  show(id: string): Promise<DeadLetterDetail | undefined>;
  /**
   * Publishes it again on its subject, mended if other bytes or headers are given, and marks it: every consumer of the subject gets
   * it. `refused` = it was answered with an error; what becomes of it is a new letter. Rejects with `DeadLetterClosed` when it is
   * not open (also when somebody else is at it), and with the bus' error, leaving it open, when it could not be published.
   */
  retry(id: string, options: Decision & { bus: NatsConnection; payload?: Uint8Array; headers?: Readonly<Record<string, string>> }): Promise<{ refused?: string }>;
  /** Marks it as not to be delivered any more. Rejects with `DeadLetterClosed` when it is not open. */
  drop(id: string, decision: Decision): Promise<void>;
  count(): Promise<Record<DeadLetterStatus, number>>;
}

/** Somebody retried or dropped it already, or it is not there. */
export class DeadLetterClosed extends Error {
  override readonly name = 'DeadLetterClosed';
  readonly code = 'dead-letter-closed';
}

export const isDeadLetterClosed = (error: unknown): error is DeadLetterClosed => error instanceof Error && (error as { code?: unknown }).code === 'dead-letter-closed';

export interface DeadLetterOptions {
  /** Encrypts payload and headers, which may hold personal data. Default: stored as they are. */
  readonly seal?: (bytes: Uint8Array) => Promise<Uint8Array> | Uint8Array;
  /** Undoes `seal`. */
  readonly open?: (bytes: Uint8Array) => Promise<Uint8Array> | Uint8Array;
}

interface Row {
  id: string; number: string; consumer: string; stream: string; sequence: string; subject: string; reason: string;
  issues: Issue[] | null; deliveries: number; at: Date; status: DeadLetterStatus;
}
interface FullRow extends Row { headers: Buffer; payload: Buffer; sealed: boolean }

const summary = 'id, number, consumer, stream, sequence, subject, reason, issues, deliveries, at, status';

/** Dead letters in PostgreSQL, schema `messaging` (see `migrateMessaging`). */
export function createDeadLetters(pool: Pool, { seal, open }: DeadLetterOptions = {}): DeadLetters {
  const opened = async (bytes: Uint8Array, sealed: boolean): Promise<Uint8Array> => {
    if (!sealed) return bytes;
    if (!open) throw new Error('this dead letter is sealed and no key was given');
    return open(bytes);
  };
  const contents = async (row: FullRow) => ({
    headers: JSON.parse(new TextDecoder().decode(await opened(row.headers, row.sealed))) as Record<string, string>,
    payload: new Uint8Array(await opened(row.payload, row.sealed)),
  });
  const find = async (client: Pool | Client, id: string, forUpdate = false): Promise<FullRow | undefined> => {
    if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) return undefined;
    const { rows } = await client.query<FullRow>(`SELECT ${summary}, headers, payload, sealed FROM messaging.dead_letters WHERE id = $1 ${forUpdate ? 'FOR UPDATE SKIP LOCKED' : ''}`, [id]);
    return rows[0];
  };
  const claim = async (client: Client, id: string): Promise<FullRow> => {
    const row = await find(client, id, true);
    if (row?.status !== 'open') throw new DeadLetterClosed(`dead letter ${id} is ${row ? `already ${row.status}` : 'not there, or somebody else is at it'}`);
    return row;
  };
  const close = async (client: Client, id: string, { actor, why, action, mended }: Decision & { action: 'retried' | 'dropped'; mended: boolean }) => {
    await client.query('UPDATE messaging.dead_letters SET status = $2 WHERE id = $1', [id, action]);
    await client.query('INSERT INTO messaging.dead_letter_audit (letter, action, mended, actor, why) VALUES ($1, $2, $3, $4, $5)', [id, action, mended, actor, why]);
  };

  return {
    store: async (letter) => {
      const headers = new TextEncoder().encode(JSON.stringify(letter.headers));
      await pool.query(
        `WITH over AS (DELETE FROM messaging.tries WHERE message = $1)
         INSERT INTO messaging.dead_letters (id, consumer, stream, sequence, subject, headers, payload, sealed, reason, issues, deliveries, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (id) DO NOTHING`,
        [letter.id, letter.consumer, letter.stream, letter.sequence, text(letter.subject),
          Buffer.from(seal ? await seal(headers) : headers), Buffer.from(seal ? await seal(letter.payload) : letter.payload), seal !== undefined,
          text(letter.reason), letter.issues ? JSON.stringify(letter.issues) : null, letter.deliveries, letter.at],
      );
    },
    countTry: async (id) => {
      const { rows } = await pool.query<{ tries: number }>(
        `WITH forgotten AS (DELETE FROM messaging.tries WHERE at < now() - interval '30 days' AND message <> $1)
         INSERT INTO messaging.tries AS t (message, tries) VALUES ($1, 1) ON CONFLICT (message) DO UPDATE SET tries = t.tries + 1, at = now() RETURNING tries`, [id],
      );
      return rows[0]!.tries;
    },
    endTry: async (id, over) => {
      await pool.query(over ? 'DELETE FROM messaging.tries WHERE message = $1' : 'UPDATE messaging.tries SET tries = tries - 1 WHERE message = $1', [id]);
    },
    list: async ({ status, consumer, after, limit = 50 } = {}) => {
      const { rows } = await pool.query<Row>(
        `SELECT ${summary} FROM messaging.dead_letters
         WHERE ($1::text IS NULL OR status = $1) AND ($2::text IS NULL OR consumer = $2) AND ($3::bigint IS NULL OR number < $3)
         ORDER BY number DESC LIMIT $4`,
        [status ?? null, consumer ?? null, after !== undefined && /^\d{1,18}$/.test(after) ? after : null, limit],
      );
      return { letters: rows.map(summaryOf), ...(rows.length === limit && { next: rows.at(-1)!.number }) };
    },
    show: async (id) => {
      const row = await find(pool, id);
      if (!row) return undefined;
      const { rows } = await pool.query<Omit<DeadLetterAudit, 'at'> & { at: Date }>('SELECT action, mended, actor, why, at FROM messaging.dead_letter_audit WHERE letter = $1 ORDER BY number', [id]);
      return { ...summaryOf(row), ...await contents(row), audit: rows.map((entry) => ({ ...entry, at: entry.at.toISOString() })) };
    },
    retry: (id, { bus, payload, headers, ...decision }) => inTransaction(pool, async (client) => {
      const row = await claim(client, id);
      const original = await contents(row);
      await close(client, id, { ...decision, action: 'retried', mended: payload !== undefined || headers !== undefined });
      return publishAgain(bus, { id, subject: row.subject, headers: headers ?? original.headers, payload: payload ?? original.payload });
    }),
    drop: (id, decision) => inTransaction(pool, async (client) => {
      await claim(client, id);
      await close(client, id, { ...decision, action: 'dropped', mended: false });
    }),
    count: async () => {
      const { rows } = await pool.query<{ status: DeadLetterStatus; n: number }>('SELECT status, count(*)::int AS n FROM messaging.dead_letters GROUP BY status');
      return { open: 0, retried: 0, dropped: 0, ...Object.fromEntries(rows.map(({ status, n }) => [status, n])) };
    },
  };
}

const summaryOf = ({ id, consumer, stream, sequence, subject, reason, issues, deliveries, at, status }: Row): DeadLetterSummary =>
  ({ id, consumer, stream, sequence: Number(sequence), subject, reason, ...(issues && { issues }), deliveries, at: at.toISOString(), status });

/** PostgreSQL's text holds everything but NUL. */
const text = (value: string): string => value.replaceAll('\u0000', '\uFFFD');

async function publishAgain(bus: NatsConnection, letter: { id: string; subject: string; headers: Readonly<Record<string, string>>; payload: Uint8Array }): Promise<{ refused?: string }> {
  const headers = natsHeaders();
  for (const [name, value] of Object.entries(letter.headers)) {
    // The server's own headers, and the relay's place in the store, belonged to the first publication only.
    if (!/^(nats-|rappel-position$)/i.test(name)) headers.set(name, value.replace(/[\r\n]+/g, ' '));
  }
  try {
    await jetstream(bus).publish(letter.subject, letter.payload, { headers, msgID: `dead-letter:${letter.id}`, timeout: 10_000 });
    return {};
  } catch (error) {
    // An answer, so the stream has its copy; the handler does not like it.
    if (error instanceof JetStreamApiError) return { refused: error.message };
    throw error;
  }
}
