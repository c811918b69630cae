import type { Migration } from '@rappel/postgres';

/** Schema `scheduler`. One row per loan holds all its rungs; only `next_at` is indexed, so waiting costs nothing. */
export const migrations: readonly Migration[] = [
  {
    id: 1,
    name: 'schedules',
    sql: `
      CREATE TABLE schedules (
        attribution_id text PRIMARY KEY,
        borrower_id    text NOT NULL,
        due_version    int NOT NULL,
        open           boolean NOT NULL,
        loan           json NOT NULL,
        zone           text,
        basis          timestamptz NOT NULL,
        -- As planned; what became of them is in settled, type/n=outcome with spaces between, so that telling one rewrites little.
        rungs          json NOT NULL,
        settled        text NOT NULL,
        policy_version int NOT NULL,
        recorded       int NOT NULL,
        next_at        timestamptz
      ) WITH (fillfactor = 85);
      CREATE INDEX schedules_due ON schedules (next_at) WHERE next_at IS NOT NULL;
      CREATE INDEX schedules_borrower ON schedules (borrower_id, attribution_id) WHERE next_at IS NOT NULL;
      CREATE TABLE built (one boolean PRIMARY KEY DEFAULT true CHECK (one), at timestamptz NOT NULL, head text NOT NULL);
    `,
  },
  {
    id: 2,
    name: 'conversations',
    // What was planned before is filled again from the events, which know.
    sql: `
      ALTER TABLE schedules ADD COLUMN correlation text;
      TRUNCATE built;
    `,
  },
  {
    id: 3,
    name: 'zones and lighter rows',
    // Filled again from the events. Text where nobody asks inside: checking JSON was a third of what storing a plan cost.
    sql: `
      DROP TABLE schedules;
      CREATE TABLE schedules (
        attribution_id text COLLATE "C" PRIMARY KEY,
        borrower_id    text COLLATE "C" NOT NULL,
        due_version    int NOT NULL,
        open           boolean NOT NULL,
        loan           text NOT NULL,
        zone           text,
        correlation    text,
        basis          text NOT NULL,
        -- As planned; what became of them is in settled, type/n=outcome with spaces between, so that telling one rewrites little.
        rungs          text NOT NULL,
        settled        text NOT NULL,
        policy_version int NOT NULL,
        recorded       int NOT NULL,
        next_at        timestamptz
      ) WITH (fillfactor = 85);
      CREATE INDEX schedules_due ON schedules (next_at) WHERE next_at IS NOT NULL;
      CREATE INDEX schedules_borrower ON schedules (borrower_id, attribution_id) WHERE open;
      CREATE TABLE zones (borrower_id text COLLATE "C" PRIMARY KEY, changes json NOT NULL);
      TRUNCATE built;
    `,
  },
  {
    id: 4,
    name: 'shorter plans',
    // Filled again from the events. Another name, so that an older instance that is still running fails instead of misreading them.
    sql: `
      TRUNCATE schedules, built;
      ALTER TABLE schedules RENAME COLUMN rungs TO plan;
    `,
  },
  {
    id: 5,
    name: 'usual plans unwritten',
    // Rows that are there stay as they are and say the same. Another name, so that an older instance that is still running fails instead of misreading new ones.
    sql: `
      -- The loan without what has columns of its own.
      ALTER TABLE schedules RENAME COLUMN loan TO lent;
      -- Null = what lent, zone, basis and policy_version give.
      ALTER TABLE schedules ALTER COLUMN plan DROP NOT NULL;
    `,
  },
  {
    id: 6,
    name: 'moves',
    // How often zones have changed. Whoever plans locks it shared, and knows from it that the zones are those they planned with.
    sql: `
      CREATE TABLE moves (one boolean PRIMARY KEY DEFAULT true CHECK (one), n bigint NOT NULL DEFAULT 0);
      INSERT INTO moves DEFAULT VALUES;
    `,
  },
];
