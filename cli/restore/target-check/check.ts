import { mapInFlight } from '../../../async/each-in-flight.ts';
import type { Problem } from '../../../backup-set/base/verdict.ts';
import { plural } from '../../../backup-set/base/words.ts';
import { chosenRelations } from '../../../backup-set/restore/plan.ts';
import { LOCKS_AT_ONCE } from '../../../database/needs/lock-parts.ts';
import { type LockRoom, lockRoom } from '../../../database/needs/lock-table.ts';
import { changedSegments } from '../expected.ts';
import { lookAtSources } from '../mapped/look.ts';
import { type Disks, diskRoom } from './disk.ts';
import { lackingReasons, type Need, needsOn } from './lacking.ts';
import { type LookedAt, lookAt } from './server.ts';
import type { TargetCheck } from './target-check.ts';
import { versionReasons } from './versions.ts';

const SEGMENTS_AT_ONCE = 16;

/** What a restore finds in its target before it changes anything. */
export interface TargetReport {
  readonly contents: readonly {
    readonly content: number;
    readonly host: string;
    readonly port: number;
    readonly database: string;
    /** Whether the database exists now. */
    readonly exists: boolean;
    /** Tables of the set that exist in it. */
    readonly tablesExisting: number;
    readonly serverVersion: string;
    readonly lockTable: LockRoom;
  }[];
  readonly needs: readonly Need[];
  readonly disks: Disks;
  /** What the set may need and could not be read, per content. */
  readonly unread: readonly string[];
  /** With a map: objects that differ between contents of a server, and do not matter. */
  readonly differences: readonly Problem[];
  /** Why the restore cannot begin. */
  readonly reasons: readonly Problem[];
}

/**
 * Looks at every server that the restore would change. Changes nothing, and finds all reasons, not
 * only the first. Otherwise the last segment could refuse after the first has been changed.
 * @throws StowageError `database/unreachable`; `database/locked` naming the session that keeps a
 * table locked.
 */
export async function checkTarget(check: TargetCheck): Promise<TargetReport> {
  const { segments, manifest, request } = check;
  if (request.mode === 'truncate') noteUnknownTypes(check);
  const changed = changedSegments(manifest.flavour, segments);
  const looked = await mapInFlight(changed, SEGMENTS_AT_ONCE, (segment) => lookAt(check, segment));
  const versions = await mapInFlight(looked, SEGMENTS_AT_ONCE, (one) => versionReasons(check, one));
  const needs = needsOn(looked, request);
  const sources = await lookAtSources(check);
  const rooms = looked.map((one) => lockRoom(locksNeeded(one, check), one.has.locks));
  return {
    contents: looked.map(({ segment, database, tables, has }, at) => ({
      content: segment.content,
      host: segment.host,
      port: segment.port,
      database,
      exists: tables.exists,
      tablesExisting: tables.existing,
      serverVersion: has.version,
      lockTable: rooms[at] as LockRoom,
    })),
    needs,
    disks: await diskRoom(looked),
    unread: looked.flatMap(({ needs: found, segment }) =>
      typeof found === 'string' ? [`content ${segment.content}: ${found}`] : [],
    ),
    differences: sources.accepted,
    reasons: [
      ...versions.flat(),
      ...lackingReasons(needs, looked, request),
      ...looked.flatMap(({ segment }, at) => lockReason(segment.content, rooms[at])),
      ...looked.flatMap(({ tables }) => tables.reasons),
      ...sources.reasons,
    ],
  };
}

/** Pre-data is one transaction, in a new database several; each statement of post-data is one. */
function locksNeeded({ needs, tables }: LookedAt, { request }: TargetCheck): number {
  if (request.mode === 'truncate') return tables.existing;
  // With `continue`, each statement is a transaction of its own.
  if (typeof needs === 'string' || request.onError === 'continue') return 0;
  const isInParts = request.mode === 'create' && request.into === undefined;
  return isInParts ? Math.min(needs.locks.preData, LOCKS_AT_ONCE) : needs.locks.preData;
}

function lockReason(content: number, room: LockRoom | undefined): Problem[] {
  if (room?.verdict !== 'none') return [];
  const { needed, room: has, setting, settingNeeded } = room;
  const message = `the restore needs ${plural(needed, 'lock')} in one transaction on content ${content}, and the lock table of the server has room for about ${plural(has, 'lock')} (max_locks_per_transaction = ${setting}). Set max_locks_per_transaction = ${settingNeeded} and restart the server, or restore fewer tables at once`;
  return [{ code: 'target-refused', content, message }];
}

/** Sets of earlier programs do not have the types of their columns. */
function noteUnknownTypes({ context, request, manifest }: TargetCheck): void {
  const chosen = [...chosenRelations(request, manifest).values()];
  const unknown = chosen.filter(({ types }) => types === undefined).length;
  if (unknown === 0) return;
  context.output.note(
    'types-unknown',
    { relations: unknown },
    `the set does not have the column types of ${plural(unknown, 'table')}: they are not compared with the target`,
  );
}
