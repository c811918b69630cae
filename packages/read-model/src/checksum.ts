import type { Client } from '@rappel/postgres';

/** What a generation of the log amounts to, whatever order it was written in. */
export interface Checksum {
  readonly notifications: number;
  readonly poison: number;
  /** 128 bits over every column of every row, every counter and every event set aside, as hex. */
  readonly digest: string;
}

const parts = {
  notification: (schema: string) => `SELECT t::text AS line FROM ${schema}.notification t`,
  tally: (schema: string) => `SELECT t::text AS line FROM ${schema}.tally t WHERE n <> 0`,
  poison: (schema: string) => `SELECT concat_ws(' ', stream, version, event_id, reason) AS line FROM ${schema}.poison`,
};

/** Reads every row once. The tables must not be written meanwhile: call it in a transaction that sees one moment or holds the writer off. */
export async function checksum(client: Client, schema: string): Promise<Checksum> {
  // Instants are written out in the session's zone.
  await client.query("SET timezone TO 'UTC'");
  let sum = 0n;
  const counts: Record<string, number> = {};
  for (const [name, lines] of Object.entries(parts)) {
    const { rows } = await client.query<{ n: string; high: string; low: string }>(
      `SELECT count(*) AS n, coalesce(sum(hashtextextended(line, 1)), 0) AS high, coalesce(sum(hashtextextended(line, 2)), 0) AS low FROM (${lines(schema)}) t`,
    );
    const { n, high, low } = rows[0]!;
    counts[name] = Number(n);
    sum += (BigInt.asUintN(64, BigInt(high)) << 64n) + BigInt.asUintN(64, BigInt(low));
  }
  return { notifications: counts.notification!, poison: counts.poison!, digest: BigInt.asUintN(128, sum).toString(16).padStart(32, '0') };
}
