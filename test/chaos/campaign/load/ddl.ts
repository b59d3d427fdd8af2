import { setTimeout as sleep } from 'node:timers/promises';
import { openSession } from '../../../../database/session/session.ts';
import { DATABASE } from '../../../support/e2e/cluster.ts';
import type { TestServer } from '../../../support/servers/postgres.ts';
import { type Random, randomFrom } from '../../random.ts';
import { DDL, DDL_ROWS, DDL_TABLES } from './data.ts';

/** How many turns of DDL ran, and how long the longest statement waited. */
export interface DdlCount {
  readonly statements: number;
  readonly longestMs: number;
}

export interface Ddl {
  /** Resolves when the load has ended and its session is closed. Bounded in time. */
  stop(): Promise<DdlCount>;
}

const PAUSE_MS_MAX = 150;

export interface DdlOptions {
  readonly seed: number;
  /** How long a statement waits for a lock; 0 = until the backup has ended. */
  readonly lockTimeoutMs: number;
}

/** Runs DDL on one server until stopped. A statement that the server rejects is skipped. */
export async function startDdl(
  server: TestServer,
  { seed, lockTimeoutMs }: DdlOptions,
): Promise<Ddl> {
  const name = `chaos ddl ${seed}`;
  const random = randomFrom(seed);
  const session = await openSession(server.target(DATABASE), {
    purpose: 'restore',
    applicationName: name,
  });
  await session.query(`SET lock_timeout = ${lockTimeoutMs}`);
  let stopping = false;
  const count = { statements: 0, longestMs: 0 };
  const running = (async () => {
    while (!stopping) {
      for (const sql of statements(random, count.statements)) {
        const startedAt = performance.now();
        await session.script(sql).catch(() => session.script('ROLLBACK').catch(() => undefined));
        count.longestMs = Math.max(count.longestMs, Math.round(performance.now() - startedAt));
      }
      count.statements += 1;
      await sleep(random.below(PAUSE_MS_MAX));
    }
  })();
  return {
    async stop() {
      stopping = true;
      // A statement that waits for a lock of the backup would hold up the end of the run.
      const ended = `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = '${name}' AND state = 'active'`;
      while (!(await Promise.race([running.then(() => true), sleep(500, false)])))
        await server.psql(ended);
      await session.close();
      await server.psql(`DROP TABLE IF EXISTS ${DDL}.extra; ${REPAIR}`, DATABASE);
      return count;
    },
  };
}

/** A change of columns that was stopped between its two statements. */
const REPAIR = Array.from(
  { length: DDL_TABLES },
  (_, number) => `ALTER TABLE ${DDL}.t_${number} DROP COLUMN IF EXISTS added;`,
).join(' ');

function statements(random: Random, turn: number): string[] {
  const table = `${DDL}.t_${random.below(DDL_TABLES)}`;
  return random.pick([
    [
      `BEGIN; TRUNCATE ${table}; INSERT INTO ${table} (id, generation) SELECT i, ${turn + 1} FROM generate_series(1, ${DDL_ROWS}) i; COMMIT`,
    ],
    [
      `ALTER TABLE ${table} ADD COLUMN added int DEFAULT ${turn}`,
      `ALTER TABLE ${table} DROP COLUMN IF EXISTS added`,
    ],
    [
      `CREATE TABLE ${DDL}.extra AS SELECT i FROM generate_series(1, 50) i`,
      `DROP TABLE IF EXISTS ${DDL}.extra`,
    ],
    [`VACUUM FULL ${table}`],
    [
      `CREATE INDEX added_index ON ${table} (generation)`,
      `DROP INDEX IF EXISTS ${DDL}.added_index`,
    ],
    [
      `BEGIN; CREATE TABLE ${DDL}.swapped (LIKE ${table} INCLUDING ALL); INSERT INTO ${DDL}.swapped SELECT * FROM ${table};
       DROP TABLE ${table}; ALTER TABLE ${DDL}.swapped RENAME TO ${table.slice(DDL.length + 1)}; COMMIT`,
    ],
    [
      `ALTER TABLE ${table} ALTER COLUMN generation TYPE bigint`,
      `ALTER TABLE ${table} ALTER COLUMN generation TYPE int`,
    ],
  ]);
}
