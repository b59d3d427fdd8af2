import { onAbort } from '../../../async/abort.ts';
import { plural } from '../../../backup-set/base/words.ts';
import type { ConnectionTarget } from '../../flavour.ts';
import type { ServerCheck } from '../../inspect/check.ts';
import { refusalOf } from '../../inspect/entry.ts';
import { sqlStateOf } from '../../session/database-error.ts';
import { withMaintenanceSession } from '../../session/maintenance.ts';
import { openSession, type Session } from '../../session/session.ts';
import { GREENPLUM_MAJORS } from '../majors.ts';
import { traitsOf } from '../versions.ts';

/** The coordinator waits for minutes for a segment that does not answer. */
const DISPATCH_MS_MAX = 30_000;
const UNKNOWN_PARAMETER = '42704';
const NO_SUCH_DATABASE = '3D000';

/**
 * A utility session, which the coordinator answers without the segments. It is in the configured
 * database, or in `postgres` when that does not exist. Each version of Greenplum rejects the option
 * of
 * the other. When both are rejected the session is an ordinary one, so that the server can be
 * named.
 * @throws StowageError as `openSession`.
 */
export async function openCoordinator(
  target: ConnectionTarget,
  signal: AbortSignal | undefined,
): Promise<{ readonly session: Session; readonly database: ServerCheck }> {
  const name = 'database';
  const { database } = target;
  try {
    const session = await openUtility(target, signal);
    return { session, database: { name, ok: true, detail: `${database} exists` } };
  } catch (error) {
    if (sqlStateOf(error) !== NO_SUCH_DATABASE) throw error;
    const session = await openUtility({ ...target, database: 'postgres' }, signal);
    const detail = `database ${database} does not exist; a restore creates it with --create`;
    return { session, database: { name, ok: false, detail } };
  }
}

async function openUtility(
  target: ConnectionTarget,
  signal: AbortSignal | undefined,
): Promise<Session> {
  const open = (at: ConnectionTarget) =>
    openSession(at, { purpose: 'probe', applicationName: 'stowage doctor', signal });
  for (const major of GREENPLUM_MAJORS) {
    try {
      return await open({ ...target, options: traitsOf({ major }).utilityOptions });
    } catch (error) {
      if (sqlStateOf(error) !== UNKNOWN_PARAMETER) throw error;
    }
  }
  return open(target);
}

/**
 * Whether every segment answers an ordinary session of the coordinator, as the barrier's locks
 * need.
 * The session is in the maintenance database, where a backup reads the topology.
 */
export async function checkDispatch(
  target: ConnectionTarget,
  segments: number,
  signal: AbortSignal | undefined,
): Promise<ServerCheck> {
  const name = 'dispatch';
  const limit = AbortSignal.timeout(DISPATCH_MS_MAX);
  const either = signal === undefined ? limit : AbortSignal.any([limit, signal]);
  try {
    const answers = await withMaintenanceSession(target, either, (session) =>
      countSegments(session, either),
    );
    const detail = `${answers} of ${plural(segments, 'segment')} answer the coordinator`;
    return { name, ok: answers === segments, detail };
  } catch (error) {
    const timedOut = `timed out: the segments did not answer the coordinator within ${DISPATCH_MS_MAX / 1000} s`;
    return { name, ok: false, detail: limit.aborted ? timedOut : await refusalOf(error, target) };
  }
}

async function countSegments(session: Session, signal: AbortSignal): Promise<number> {
  using _ = onAbort(signal, () => void session.destroy());
  const [row] = await session.query<{ count: number }>(
    "SELECT count(*)::int AS count FROM gp_dist_random('gp_id')",
  );
  return row?.count ?? 0;
}

/** For information only: the barrier works either way. */
export async function checkDeadlockDetector(session: Session): Promise<ServerCheck> {
  const name = 'global deadlock detector';
  const rows = await session.query<{ name: string; setting: string }>(
    `SELECT name, setting FROM pg_settings
     WHERE name IN ('gp_enable_global_deadlock_detector', 'gp_global_deadlock_detector_period')`,
  );
  const settings = new Map(rows.map(({ name: setting, setting: value }) => [setting, value]));
  const period = settings.get('gp_global_deadlock_detector_period') ?? '?';
  const detail =
    settings.get('gp_enable_global_deadlock_detector') === 'on'
      ? `on, every ${period} s: several writers can update one table at a time, and the barrier waits for all of them`
      : 'off: UPDATE and DELETE lock the whole table, so the barrier waits for one writer per table';
  return { name, ok: true, remark: true, detail };
}
