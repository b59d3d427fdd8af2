import { randomBytes } from 'node:crypto';
import type { ConnectionTarget } from '../flavour.ts';
import { quoteIdentifier, quoteQualified } from '../session/quote.ts';
import { openSession, type Session } from '../session/session.ts';

/** Rows from before the snapshot, and as many from after it: enough to lie on every one of hundreds of segments. */
const ROWS = 10_000;
/** Schemas of this name are never part of a backup. */
export const CANARY_SCHEMA = 'stowage_canary_';

/** A small table with rows from before and from after a snapshot, which tells whether a session sees what it should. */
export interface Canary {
  readonly table: string;
  /** Commits rows that no importer of the snapshot may see. */
  insertLateRows(): Promise<void>;
  /** Drops the table. Never throws. */
  drop(): Promise<void>;
}

/** Makes the table, with the rows from before. @throws StowageError as `Session.query`. */
export async function releaseCanary(
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
    await buryForgotten(session, seconds);
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
    drop: drop,
  };

  async function drop(): Promise<void> {
    await session
      .query(`DROP SCHEMA IF EXISTS ${quoteIdentifier(schema)} CASCADE`)
      .catch(() => undefined);
    await session.close();
  }
}

/** A backup that was killed left its canary; one that runs buries its own within seconds. */
const FORGOTTEN_AFTER_SECONDS = 3_600;

async function buryForgotten(session: Session, now: number): Promise<void> {
  const rows = await session.query<{ name: string }>(
    `SELECT nspname AS name FROM pg_catalog.pg_namespace WHERE nspname ~ '^${CANARY_SCHEMA}[0-9]+_'`,
  );
  for (const { name } of rows) {
    const age = now - Number(name.slice(CANARY_SCHEMA.length).split('_', 1)[0]);
    if (age > FORGOTTEN_AFTER_SECONDS)
      await session.query(`DROP SCHEMA IF EXISTS ${quoteIdentifier(name)} CASCADE`);
  }
}

/** The server's clock, which all backups of this cluster share. */
async function secondsOf(session: Session): Promise<number> {
  const [row] = await session.query<{ seconds: number }>(
    'SELECT floor(extract(epoch FROM pg_catalog.clock_timestamp()))::float8 AS seconds',
  );
  return row?.seconds ?? 0;
}

/** Whether a session sees the rows from before the snapshot, on all segments, and none from after it. */
export async function isIsolated(session: Session, { table }: Canary): Promise<boolean> {
  // Rolling back gives up the lock on the table, which could not be dropped otherwise for as long as the backup runs.
  await session.query('SAVEPOINT canary');
  const [row] = await session.query<{ rows: number }>(
    `SELECT count(*)::float8 AS rows FROM ${table}`,
  );
  await session.query('ROLLBACK TO SAVEPOINT canary');
  return row?.rows === ROWS;
}
