import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeTempDir, startNats, startPostgres } from '@rappel/local-stack';
import { createPool } from '@rappel/postgres';

/** Of the servers that the local stack starts; asks them. */
export async function serverVersions(): Promise<{ postgresql: string; nats: string }> {
  const dir = makeTempDir('versions');
  const [postgres, nats] = await Promise.all([startPostgres({ dataDir: join(dir, 'postgres') }), startNats({ storeDir: join(dir, 'nats') })]);
  const pool = createPool(postgres.url, { max: 1 });
  try {
    const { rows } = await pool.query<{ server_version: string }>('SHOW server_version');
    const { version } = await (await fetch(`${nats.monitorUrl}/varz`)).json() as { version: string };
    return { postgresql: rows[0]!.server_version, nats: version };
  } finally {
    await pool.end();
    await Promise.all([postgres.stop(), nats.stop()]);
    rmSync(dir, { recursive: true, force: true });
  }
}
