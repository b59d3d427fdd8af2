import { mapInFlight } from '../../async/each-in-flight.ts';
import { messageOf } from '../../backup-set/base/errors.ts';
import type { ConnectionTarget, InspectOptions, Segment } from '../flavour.ts';
import { attempt, type PlacedCheck, placed, type ServerCheck } from '../inspect/check.ts';
import { checkConnections, IS_CLIENT } from '../inspect/connections.ts';
import { checkDefinitions } from '../inspect/definitions.ts';
import { checkEncryption } from '../inspect/encryption.ts';
import { checkLongValues } from '../inspect/long-values.ts';
import { checkRights } from '../inspect/rights.ts';
import { checkClock, checkLockTable, checkOtherSessions } from '../inspect/server.ts';
import { openSession, type Session } from '../session/session.ts';
import { walSummary } from '../witness/wal-summary/provider.ts';
import { greenplumAdvice } from './product.ts';

const SEGMENTS_AT_ONCE = 16;
/** pg_partition_root and generated columns came with 12. */
const VERSION_NUMBER_MIN = 120_000;
/** MAINTAIN, which suffices for LOCK TABLE, came with 17. */
const VERSION_NUMBER_MAINTAIN = 170_000;
/** Holder, locker and monitor; each worker takes one more. */
const CONNECTIONS_OF_BARRIER = 3;

/**
 * Checks on every server whether a backup of this database can work. Changes and locks nothing.
 * @throws never: a server that cannot be reached is a check that failed.
 */
export async function inspectShards(
  segments: readonly Segment[],
  options: InspectOptions,
): Promise<PlacedCheck[]> {
  const lists = await mapInFlight(segments, SEGMENTS_AT_ONCE, async (segment) => {
    const of = `content ${segment.content}`;
    try {
      return placed(of, await inspectServer(options.connect(segment), options));
    } catch (error) {
      return placed(of, [{ name: 'reachable', ok: false, detail: messageOf(error) }]);
    }
  });
  return lists.flat();
}

/** @throws StowageError as `openSession`. */
export async function inspectServer(
  target: ConnectionTarget,
  { workers, clock, signal }: Pick<InspectOptions, 'workers' | 'clock' | 'signal'>,
): Promise<ServerCheck[]> {
  const session = await openSession(target, {
    purpose: 'probe',
    applicationName: 'stowage doctor',
    signal,
  });
  try {
    const advice = await greenplumAdvice(session);
    if (advice !== undefined) return [{ name: 'server', ok: false, detail: advice }];
    const { check, number } = await checkVersion(session);
    return [
      check,
      checkEncryption(session),
      await checkRights(session, {
        isTable: "c.relkind = 'r'",
        needsNoLock: 'false',
        hidesRows: 'row_security_active(c.oid)',
        lockPrivileges: `UPDATE, DELETE, TRUNCATE${number >= VERSION_NUMBER_MAINTAIN ? ', MAINTAIN' : ''}`,
        readsSequences: true,
        // pg_dumpall runs with --no-role-passwords, and then reads pg_roles instead.
        readsRoles: false,
      }),
      await attempt('definitions', () => checkDefinitions(session)),
      await checkConnections(session, {
        needed: CONNECTIONS_OF_BARRIER + workers,
        isClient: IS_CLIENT,
      }),
      await checkLockTable(session),
      await attempt('long values', () => checkLongValues(session)),
      await attempt('unchanged tables', () => walSummary.inspect(session)),
      await checkOtherSessions(session),
      await checkClock(session, clock),
    ];
  } finally {
    await session.close();
  }
}

async function checkVersion(
  session: Session,
): Promise<{ readonly check: ServerCheck; readonly number: number }> {
  const [row] = await session.query<{
    number: number;
    version: string;
    encoding: string;
    recovering: boolean;
  }>(
    `SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS version,
            current_setting('server_encoding') AS encoding, pg_is_in_recovery() AS recovering`,
  );
  const { number = 0, version = '?', encoding = '?', recovering = false } = row ?? {};
  const standby = recovering
    ? '; this is a standby, which does not allow SHARE locks: back up the primary'
    : '';
  const old = number < VERSION_NUMBER_MIN ? '; PostgreSQL 12 or newer is required' : '';
  const check = {
    name: 'server',
    ok: number >= VERSION_NUMBER_MIN && !recovering,
    detail: `PostgreSQL ${version}, ${encoding}${standby}${old}`,
  };
  return { check, number };
}
