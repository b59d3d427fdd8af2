import type { ConnectionTarget } from '../flavour.ts';
import { openSession } from '../session/session.ts';

/**
 * Greenplum's pg_dump switches nested loops on, and asks for the partitions of each table. Without
 * statistics of the catalogs, the planner reads all of pg_class for each partition: 12,000 of them
 * in 500 tables would take hours. With this it uses the indexes.
 */
const BY_INDEXES = '-c enable_seqscan=off';
/**
 * Greenplum 6 searches the list of all relations that the transaction has opened for each that it
 * opens, to count what is read: with 125,000 tables pg_dump does little else.
 */
const UNCOUNTED = '-c track_counts=off';

/**
 * pg_dumpall joins nine catalogs of a few rows each. With a choice of ways to join them, the
 * planner takes most of the time.
 */
const NESTED =
  '-c enable_nestloop=on -c enable_hashjoin=off -c enable_seqscan=off -c enable_bitmapscan=off';

/** The target with the settings of the session under which its pg_dumpall is fast. */
export function withGlobalsSettings(target: ConnectionTarget): Promise<ConnectionTarget> {
  const { greenplum, options = '' } = target;
  const settings =
    greenplum === undefined ? target : { ...target, options: `${options} ${NESTED}` };
  return Promise.resolve(settings);
}

/** The target with the settings of the session under which its pg_dump is fast. */
export async function withGreenplumSettings(
  target: ConnectionTarget,
  signal: AbortSignal | undefined,
): Promise<ConnectionTarget> {
  if (target.greenplum === undefined) return target;
  const settings = [target.options];
  if (target.greenplum === 6 && (await isSuperuser(target, signal))) settings.push(UNCOUNTED);
  settings.push(BY_INDEXES);
  return { ...target, options: settings.filter(Boolean).join(' ') };
}

/** Only a superuser may set track_counts; the server rejects the connection of any other role. */
async function isSuperuser(
  target: ConnectionTarget,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const session = await openSession(target, {
    purpose: 'probe',
    applicationName: 'stowage programs',
    signal,
  });
  try {
    const [row] = await session.query<{ value: string }>(
      "SELECT pg_catalog.current_setting('is_superuser') AS value",
    );
    return row?.value === 'on';
  } finally {
    await session.close();
  }
}
