import { randomBytes } from 'node:crypto';
import { StowageError } from '../../../backup-set/base/errors.ts';
import type { ConnectionTarget } from '../../flavour.ts';
import { sqlStateOf } from '../../session/database-error.ts';
import { quoteIdentifier, quoteLiteral } from '../../session/quote.ts';
import { openSession, type Session } from '../../session/session.ts';

/** Two temporary tables of one session: their rows in the catalogs of the segments are the test. */
export interface CatalogCanary {
  /** Commits the table that no session with the snapshot may see. */
  createLate(): Promise<void>;
  /** Whether a session sees the first table on every segment, and the late one on none. */
  isIsolated(session: Session): Promise<boolean>;
  /** Ends the session, and with it the tables. Never throws. */
  drop(): Promise<void>;
}

/**
 * Creates the table from before a snapshot. A temporary table needs no right but TEMPORARY, which
 * every role has by default: the canary of a dispatch needs CREATE in the database.
 * @throws StowageError `database/denied` when the role may not create temporary tables.
 */
export async function createCatalogCanary(
  target: ConnectionTarget,
  options: { readonly label: string; readonly segments: number; readonly signal?: AbortSignal },
): Promise<CatalogCanary> {
  const { label, segments, signal } = options;
  const session = await openSession(target, {
    purpose: 'barrier',
    applicationName: `${label} canary`,
    ...(signal && { signal }),
  });
  const name = `stowage_canary_${randomBytes(4).toString('hex')}`;
  const create = (which: string) =>
    session.query(
      `CREATE TEMPORARY TABLE ${quoteIdentifier(`${name}_${which}`)} (n int) DISTRIBUTED BY (n)`,
    );
  try {
    await create('early');
  } catch (error) {
    await session.close();
    throw sqlStateOf(error) === INSUFFICIENT_PRIVILEGE ? notTemporary(target, error) : error;
  }
  return {
    createLate: async () => void (await create('late')),
    isIsolated: async (other) => {
      const seen = async (which: string) => {
        const [row] = await other.query<{ seen: number }>(
          `SELECT count(*)::int AS seen FROM gp_dist_random('pg_catalog.pg_class')
           WHERE relname = ${quoteLiteral(`${name}_${which}`)}`,
        );
        return row?.seen;
      };
      return (await seen('early')) === segments && (await seen('late')) === 0;
    },
    drop: () => session.close(),
  };
}

const INSUFFICIENT_PRIVILEGE = '42501';

function notTemporary({ database, user }: ConnectionTarget, cause: unknown): StowageError {
  const message = `role ${JSON.stringify(user)} may not create temporary tables in database ${database}: a backup through the coordinator proves its snapshot with one. GRANT TEMPORARY ON DATABASE ${quoteIdentifier(database)} TO ${quoteIdentifier(user)}`;
  return new StowageError('database/denied', message, { cause, where: { content: -1 } });
}
