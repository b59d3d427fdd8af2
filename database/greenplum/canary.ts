import { randomBytes } from 'node:crypto';
import type { ConnectionTarget } from '../flavour.ts';
import { quoteIdentifier, quoteQualified } from '../session/quote.ts';
import { openSession, type Session } from '../session/session.ts';

/**
 * As many rows before the snapshot as after it: enough that hundreds of segments each have some.
 */
const ROWS = 10_000;
/** Schemas of this name are never part of a backup. */
export const CANARY_SCHEMA = 'stowage_canary_';

/** A small table with rows from before and from after a snapshot, to test what a session sees. */
export interface Canary {
  readonly table: string;
  /** Commits rows that no importer of the snapshot may see. */
  insertLateRows(): Promise<void>;
  /** Drops the table. Never throws. */
  drop(): Promise<void>;
}

/** Creates the table with the rows from before. @throws StowageError as `Session.query`. */
export async function createCanary(
  target: ConnectionTarget,
  label: string,
  signal: AbortSignal | undefined,
): Promise<Canary> {
  const session = await openSession(target, {
    purpose: 'barrier',
    applicationName: `${label} canary`,
    signal,
  });
  const seconds = await secondsOf(session);
  const schema = `${CANARY_SCHEMA}${seconds}_${randomBytes(4).toString('hex')}`;
  const table = quoteQualified({ schema, name: 'canary' });
  const fill = `INSERT INTO ${table} SELECT pg_catalog.generate_series(1, ${ROWS})`;
  try {
    await dropLeftovers(session, seconds);
    await session.query(`CREATE SCHEMA ${quoteIdentifier(schema)}`);
    await session.query(`CREATE TABLE ${table} (n int) DISTRIBUTED BY (n)`);
    await session.query(fill);
  } catch (error) {
    await drop();
    throw error;
  }
  return {
    table,
    insertLateRows: async () => {
      await session.query(fill);
    },
    drop,
  };

  async function drop(): Promise<void> {
    await session
      .query(`DROP SCHEMA IF EXISTS ${quoteIdentifier(schema)} CASCADE`)
      .catch(() => undefined);
    await session.close();
  }
}

/**
 * A backup drops its canary within seconds, so an older one belongs to a backup that was killed.
 */
const LEFTOVER_AFTER_SECONDS = 3_600;

async function dropLeftovers(session: Session, now: number): Promise<void> {
  const rows = await session.query<{ name: string }>(
    `SELECT nspname AS name FROM pg_catalog.pg_namespace WHERE nspname ~ '^${CANARY_SCHEMA}[0-9]+_'`,
  );
  for (const { name } of rows) {
    const age = now - Number(name.slice(CANARY_SCHEMA.length).split('_', 1)[0]);
    if (age > LEFTOVER_AFTER_SECONDS)
      await session.query(`DROP SCHEMA IF EXISTS ${quoteIdentifier(name)} CASCADE`);
  }
}

/** The server's clock, because backups may run on several machines. */
async function secondsOf(session: Session): Promise<number> {
  const [row] = await session.query<{ seconds: number }>(
    'SELECT floor(extract(epoch FROM pg_catalog.clock_timestamp()))::float8 AS seconds',
  );
  return row?.seconds ?? 0;
}

/**
 * Whether a session sees the rows from before the snapshot, on all segments, and none from after
 * it.
 */
export async function isIsolated(session: Session, { table }: Canary): Promise<boolean> {
  // The rollback releases the lock: otherwise the table could not be dropped before the backup
  // ends.
  await session.query('SAVEPOINT canary');
  const [row] = await session.query<{ rows: number }>(
    `SELECT count(*)::float8 AS rows FROM ${table}`,
  );
  await session.query('ROLLBACK TO SAVEPOINT canary');
  return row?.rows === ROWS;
}
