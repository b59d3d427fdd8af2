import { randomBytes } from 'node:crypto';
import type { ConnectionTarget } from './flavour.ts';
import { quoteIdentifier, quoteQualified } from './quote.ts';
import { openSession, type Session } from './session.ts';

/** Before the snapshot one row per this many numbers, after it as many again: enough to lie on every segment of a small cluster. */
const ROWS = 1_000;
/** Schemas of this name are never part of a backup. */
export const CANARY_SCHEMA = 'stowage_canary_';

/** A small table with rows from before and from after a snapshot, which tells whether a session sees what it should. */
export interface Canary {
  readonly table: string;
  /** Commits rows that no importer of the snapshot may see. */
  fly(): Promise<void>;
  /** Drops the table. Never throws. */
  bury(): Promise<void>;
}

/** Makes the table, with the rows from before. @throws StowageError as `Session.query`. */
export async function releaseCanary(
  target: ConnectionTarget,
  label: string,
  signal: AbortSignal | undefined,
): Promise<Canary> {
  const schema = `${CANARY_SCHEMA}${Math.floor(Date.now() / 1000)}_${randomBytes(4).toString('hex')}`;
  const table = quoteQualified({ schema, name: 'canary' });
  const session = await openSession(target, {
    purpose: 'barrier',
    applicationName: `${label} canary`,
    signal,
  });
  const fill = `INSERT INTO ${table} SELECT pg_catalog.generate_series(1, ${ROWS})`;
  try {
    await buryForgotten(session);
    await session.query(`CREATE SCHEMA ${quoteIdentifier(schema)}`);
    await session.query(`CREATE TABLE ${table} (n int) DISTRIBUTED BY (n)`);
    await session.query(fill);
  } catch (error) {
    await bury();
    throw error;
  }
  return {
    table,
    fly: async () => {
      await session.query(fill);
    },
    bury,
  };

  async function bury(): Promise<void> {
    await session.query(`DROP SCHEMA IF EXISTS ${quoteIdentifier(schema)} CASCADE`).catch(() => undefined);
    await session.close();
  }
}

/** A backup that was killed left its canary; one that runs buries its own within seconds. */
const FORGOTTEN_AFTER_SECONDS = 3_600;

async function buryForgotten(session: Session): Promise<void> {
  const rows = await session.query<{ name: string }>(
    `SELECT nspname AS name FROM pg_catalog.pg_namespace WHERE nspname ~ '^${CANARY_SCHEMA}[0-9]+_'`,
  );
  for (const { name } of rows) {
    const age = Date.now() / 1000 - Number(name.slice(CANARY_SCHEMA.length).split('_', 1)[0]);
    if (age > FORGOTTEN_AFTER_SECONDS)
      await session.query(`DROP SCHEMA IF EXISTS ${quoteIdentifier(name)} CASCADE`);
  }
}

/** Whether a session sees the rows from before the snapshot, on all segments, and none from after it. */
export async function singsRight(session: Session, { table }: Canary): Promise<boolean> {
  // Rolling back gives up the lock on the table, which could not be dropped otherwise for as long as the backup runs.
  await session.query('SAVEPOINT canary');
  const [row] = await session.query<{ rows: number }>(`SELECT count(*)::float8 AS rows FROM ${table}`);
  await session.query('ROLLBACK TO SAVEPOINT canary');
  return row?.rows === ROWS;
}
