import { migrate, type Migration, type Pool } from '@rappel/postgres';

const migrations: readonly Migration[] = [
  {
    id: 1,
    name: 'relays and dead letters',
    sql: `
      -- Where each relay stands. Checkpoints are compared byte by byte, whatever the database's locale.
      CREATE TABLE relays (
        name text PRIMARY KEY,
        -- Counts the holders of the lease: an earlier one cannot write any more.
        epoch bigint NOT NULL DEFAULT 0,
        -- Everything up to here was acknowledged by the stream.
        checkpoint text COLLATE "C" NOT NULL DEFAULT '',
        -- Everything up to here was acknowledged by every consumer.
        settled text COLLATE "C" NOT NULL DEFAULT '',
        -- When the stream was created that the checkpoint speaks of, and the sequence it had reached.
        created text,
        last_seq bigint NOT NULL DEFAULT 0,
        updated_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE TABLE dead_letters (
        id uuid PRIMARY KEY,
        number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
        consumer text NOT NULL,
        stream text NOT NULL,
        sequence bigint NOT NULL,
        subject text NOT NULL,
        -- JSON; bytes, because strangers' headers may hold what the json types refuse.
        headers bytea NOT NULL,
        payload bytea NOT NULL,
        sealed boolean NOT NULL,
        reason text NOT NULL,
        issues json,
        deliveries int NOT NULL,
        at timestamptz NOT NULL,
        status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'retried', 'dropped'))
      );
      CREATE INDEX dead_letters_by_status ON dead_letters (status, number);
      CREATE INDEX dead_letters_by_consumer ON dead_letters (consumer, number);
      CREATE TABLE dead_letter_audit (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        letter uuid NOT NULL REFERENCES dead_letters (id),
        action text NOT NULL CHECK (action IN ('retried', 'dropped')),
        mended boolean NOT NULL,
        actor text NOT NULL,
        why text NOT NULL,
        at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX dead_letter_audit_by_letter ON dead_letter_audit (letter, number);`,
  },
  {
    id: 2,
    name: 'tries',
    sql: `
      -- Tries of messages that came to no outcome, by the id that their dead letter would have. A row is there for hours, not for good.
      CREATE TABLE tries (
        message uuid PRIMARY KEY,
        tries int NOT NULL,
        at timestamptz NOT NULL DEFAULT now()
      );`,
  },
];

/** Brings the schema `messaging` up to date. Several services may do so at once. */
export const migrateMessaging = (pool: Pool): Promise<void> => migrate(pool, 'messaging', migrations);
