import { setTimeout as sleep } from 'node:timers/promises';
import { randomFrom } from '../chaos/random.ts';
import { sceneOf } from './actions/action.ts';
import { anyRows } from './actions/rows.ts';
import { MODEL_DATABASE } from './actions/servers.ts';
import { readCatalog } from './schema.ts';
import type { ModelServer } from './server.ts';

/** Transactions that change rows of a server until they are stopped; some are rolled back. */
export async function startWriters(servers: readonly ModelServer[], seed: number) {
  const stop = new AbortController();
  const loops = servers.map((server, at) => write(server, seed + at, stop.signal));
  return {
    async stop() {
      stop.abort();
      await Promise.all(loops);
    },
  };
}

async function write(server: ModelServer, seed: number, signal: AbortSignal): Promise<void> {
  const random = randomFrom(seed);
  const client = await server.connect(MODEL_DATABASE);
  try {
    const catalog = await readCatalog(client);
    for (let salt = seed; !signal.aborted; salt += 1) {
      const scene = sceneOf(random, catalog, salt);
      const parts = ['BEGIN', anyRows(scene), 'SAVEPOINT a', anyRows(scene)];
      parts.push(random.chance(0.3) ? 'ROLLBACK TO a' : 'RELEASE a');
      try {
        for (const part of parts) await client.query(part);
        await sleep(random.below(20));
        await client.query(random.chance(0.8) ? 'COMMIT' : 'ROLLBACK');
      } catch {
        await client.query('ROLLBACK');
      }
      await sleep(random.below(60));
    }
  } finally {
    await client.end().catch(() => undefined);
  }
}

/**
 * Prepares a transaction that has changed rows, and ends it while the backup waits for its locks.
 */
export async function prepared(server: ModelServer, changes: readonly string[], commits: boolean) {
  const name = 'model';
  await server.sql(MODEL_DATABASE, 'BEGIN', ...changes, `PREPARE TRANSACTION '${name}'`);
  return {
    async end(afterMs: number) {
      await sleep(afterMs);
      const end = `${commits ? 'COMMIT' : 'ROLLBACK'} PREPARED '${name}'`;
      await server.sql(MODEL_DATABASE, end);
    },
  };
}
