import { onAbort } from '../../async/abort.ts';
import { eachInFlight } from '../../async/each-in-flight.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import type { RestoreRequest } from '../../backup-set/documents/restore.ts';
import { chosenRelations } from '../../backup-set/restore/plan.ts';
import type { Segment } from '../../database/flavour.ts';
import { withLockWatch } from '../../database/lock-watch/watch.ts';
import { openSession } from '../../database/session/session.ts';
import { columnDifference, targetColumns } from '../../database/target/columns.ts';
import { databaseExists } from '../../database/target/database.ts';
import { otherRows } from '../../database/target/load-transaction.ts';
import {
  HAS_ROWS,
  NOT_OWNER,
  reasonNotToLoad,
  relationStates,
} from '../../database/target/relations.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { targetOf } from '../config/config.ts';
import type { ClusterContext } from '../context.ts';
import { functionDeps } from '../wait-for-functions.ts';
import { changedSegments, expectedIn } from './expected.ts';

const SEGMENTS_AT_ONCE = 16;
const LOCK_WAIT_MS = 20_000;
const LOCK_ADVICE =
  'Nothing was changed. End that session, keep other programs away from the target, and restore again';

interface TargetCheck {
  readonly context: ClusterContext;
  readonly store: ObjectStore;
  readonly segments: readonly Segment[];
  readonly request: RestoreRequest;
  readonly manifest: Manifest;
}

/**
 * Checks every segment of the target before the restore is requested. Otherwise the last segment
 * could refuse it after the first has been changed.
 * @throws StowageError `restore/refused` naming segment and table; `database/unreachable`;
 * `database/locked` naming the session that keeps a table locked.
 */
export async function requireTarget(check: TargetCheck): Promise<void> {
  const { segments, manifest, request } = check;
  // The tables of the first restore exist. The shippers look for what it has done.
  if (request.resumes !== undefined && request.mode !== 'truncate') return;
  const inspected = changedSegments(manifest.flavour, segments);
  if (check.request.mode === 'truncate') noteUnknownTypes(check);
  await eachInFlight(inspected, SEGMENTS_AT_ONCE, (segment) => requireSegment(check, segment));
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

async function requireSegment(check: TargetCheck, segment: Segment): Promise<void> {
  const { context, request } = check;
  const target = targetOf(context.config, segment, context.env);
  const { content } = segment;
  const place = `on content ${content} (${target.host}:${target.port})`;
  const refused = (message: string, relation?: string) =>
    new StowageError('restore/refused', message, {
      where: { content, ...(relation === undefined ? {} : { relation }) },
    });
  const exists = await databaseExists(target, context.signal);
  const database = `database ${target.database}`;
  if (request.mode === 'create') {
    if (exists)
      throw refused(
        `${database} already exists ${place}: --create needs a new one. Drop it, or choose another name with --redirect-db`,
      );
    return;
  }
  if (!exists) throw refused(`${database} does not exist ${place}. Use --create to create it`);
  const wrong = await firstWrongTable(check, segment);
  if (wrong !== undefined) throw refused(`table ${wrong.name} ${wrong.explain(place)}`, wrong.name);
}

const MAKE_EQUAL =
  'Its rows would not be equal to those of the set: change the table, or restore into a new database with --create';

const EXPLAIN = {
  absent: (place: string) =>
    `does not exist ${place}: --truncate loads existing tables only. Create the table, or restore without --truncate`,
  exists: (place: string) =>
    `already exists ${place}. Drop it, or use --truncate to empty and load it`,
  taken: (place: string) => `already exists ${place}. Drop it, or choose another name`,
  'has-rows': (place: string) => `${place} ${HAS_ROWS}. Delete these rows, or use --truncate`,
  'not-owner': (place: string) => `${place} ${NOT_OWNER}`,
};

interface WrongTable {
  readonly name: string;
  explain(place: string): string;
}

/** The first table that this restore cannot load, and why. */
async function firstWrongTable(
  { context, store, request, manifest }: TargetCheck,
  segment: Segment,
): Promise<WrongTable | undefined> {
  const deps = functionDeps(context, store);
  const expected = await expectedIn(deps, segment.content, request, manifest);
  const wanted = expected.map((one) => ({ ...one.relation, ...one.target }));
  const target = targetOf(context.config, segment, context.env);
  const session = await openSession(target, {
    purpose: 'probe',
    applicationName: 'stowage restore',
    signal: context.signal,
  });
  const watch = { own: { pids: [session.pid] }, limitMs: LOCK_WAIT_MS, advice: LOCK_ADVICE };
  const look = async (signal: AbortSignal): Promise<WrongTable | undefined> => {
    // A statement that waits for a lock would not notice the signal.
    using _ = onAbort(signal, () => void session.destroy());
    const states = await relationStates(session, wanted);
    const columns = await targetColumns(session, wanted);
    for (const [at, state] of states.entries()) {
      const name = `${state.schema}.${state.name}`;
      const reason = reasonNotToLoad(state, request.mode);
      const isTaken = reason === 'exists' && request.into !== undefined;
      if (reason !== undefined) return { name, explain: EXPLAIN[isTaken ? 'taken' : reason] };
      const other = state.facts && otherRows(wanted[at]?.condition !== undefined, state.facts);
      if (other !== undefined) return { name, explain: (place) => `${place} ${other}` };
      const [relation, found] = [wanted[at], columns.get(at)];
      const differs = relation && state.facts && columnDifference(relation, found ?? []);
      if (differs !== undefined)
        return { name, explain: (place) => `${place} ${differs}. ${MAKE_EQUAL}` };
    }
    return undefined;
  };
  try {
    return await withLockWatch(target, watch, context.signal, look);
  } finally {
    await session.close();
  }
}
