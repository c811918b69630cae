import type { Migration } from '@rappel/postgres';

// Making a key and destroying it exclude each other through one advisory lock (shared for making), so that a key made
// at the moment of erasure cannot outlive it. Each statement of a function sees what was committed before it began.
export const privacyMigrations: readonly Migration[] = [
  {
    id: 1,
    name: 'data keys',
    sql: `
      CREATE TABLE data_keys (
        subject text PRIMARY KEY,
        key_id text NOT NULL,
        wrapped bytea NOT NULL,
        master_key_id text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX data_keys_by_master ON data_keys (master_key_id);
      CREATE TABLE forgotten (subject text PRIMARY KEY, forgotten_at timestamptz NOT NULL DEFAULT now());

      CREATE FUNCTION take_keys(subjects text[], ids text[], keys bytea[], master text)
      RETURNS TABLE (subject text, key_id text, wrapped bytea, master_key_id text) LANGUAGE plpgsql AS $$
      #variable_conflict use_column
      BEGIN
        PERFORM pg_advisory_xact_lock_shared(hashtextextended('rappel:privacy', 0));
        INSERT INTO privacy.data_keys (subject, key_id, wrapped, master_key_id)
          SELECT n.subject, n.key_id, n.wrapped, master FROM unnest(subjects, ids, keys) AS n (subject, key_id, wrapped)
          WHERE NOT EXISTS (SELECT FROM privacy.data_keys k WHERE k.subject = n.subject)
            AND NOT EXISTS (SELECT FROM privacy.forgotten f WHERE f.subject = n.subject)
          ORDER BY n.subject
          ON CONFLICT DO NOTHING;
        RETURN QUERY SELECT k.subject, k.key_id, k.wrapped, k.master_key_id FROM privacy.data_keys k WHERE k.subject = ANY (subjects);
      END $$;

      CREATE FUNCTION destroy_keys(subjects text[], for_good boolean) RETURNS integer LANGUAGE plpgsql AS $$
      DECLARE destroyed integer;
      BEGIN
        PERFORM pg_advisory_xact_lock(hashtextextended('rappel:privacy', 0));
        IF for_good THEN
          INSERT INTO privacy.forgotten (subject) SELECT unnest(subjects) ON CONFLICT DO NOTHING;
        END IF;
        DELETE FROM privacy.data_keys k WHERE k.subject = ANY (subjects);
        GET DIAGNOSTICS destroyed = ROW_COUNT;
        RETURN destroyed;
      END $$;
    `,
  },
  {
    id: 2,
    name: 'address books',
    sql: `
      -- Keyed hashes of addresses: they go with the person's key.
      CREATE TABLE addresses (
        subject text NOT NULL REFERENCES data_keys (subject) ON DELETE CASCADE,
        book text NOT NULL,
        hash text NOT NULL,
        PRIMARY KEY (subject, book)
      );
      CREATE INDEX addresses_by_hash ON addresses (book, hash);
      CREATE TABLE address_books (
        name text PRIMARY KEY,
        -- Tells under which master key the hashes were made.
        key text NOT NULL,
        checkpoint text COLLATE "C" NOT NULL DEFAULT ''
      );
    `,
  },
  {
    id: 3,
    name: 'no statement reads a whole table',
    sql: `
      -- The planner knows a table that grows fast too small and joins all of it, for each call anew.
      ALTER FUNCTION take_keys(text[], text[], bytea[], text) SET enable_seqscan = off;
      ALTER FUNCTION take_keys(text[], text[], bytea[], text) SET enable_hashjoin = off;
      ALTER FUNCTION take_keys(text[], text[], bytea[], text) SET enable_mergejoin = off;
      -- Every row of a book has its name: an index that begins with it tempts the planner to read them all.
      DROP INDEX addresses_by_hash;
      CREATE INDEX addresses_by_hash ON addresses (hash);
    `,
  },
];
