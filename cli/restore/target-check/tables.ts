import { onAbort } from '../../../async/abort.ts';
import type { QualifiedName } from '../../../backup-set/base/selection.ts';
import type { Problem } from '../../../backup-set/base/verdict.ts';
import type { ManifestRelation } from '../../../backup-set/documents/manifest.ts';
import type { RestoreRequest } from '../../../backup-set/documents/restore/restore.ts';
import { existing, restores } from '../../../backup-set/restore/sections.ts';
import type { Segment } from '../../../database/flavour.ts';
import { withLockWatch } from '../../../database/lock-watch/watch.ts';
import { openSession } from '../../../database/session/session.ts';
import {
  columnDifference,
  type TargetColumn,
  targetColumns,
} from '../../../database/target/columns.ts';
import { databaseExists } from '../../../database/target/database.ts';
import { otherRows } from '../../../database/target/load-transaction.ts';
import {
  HAS_ROWS,
  NOT_CREATED,
  NOT_EMPTY,
  NOT_OWNER,
  type RelationState,
  reasonNotToLoad,
  relationStates,
} from '../../../database/target/relations.ts';
import { targetOf } from '../../config/config.ts';
import { functionDeps } from '../../wait-for-functions.ts';
import { expectedIn } from '../expected.ts';
import type { TargetCheck } from './target-check.ts';

const LOCK_WAIT_MS = 20_000;
const LOCK_ADVICE =
  'Nothing was changed. End that session, keep other programs away from the target, and restore again';

/** What a segment's database and its tables say to a restore. */
export interface TablesFound {
  /** Whether the target's database exists now. */
  readonly exists: boolean;
  /** Relations of the set that exist in it. */
  readonly existing: number;
  /** Why the restore cannot load into it: one reason per table. */
  readonly reasons: readonly Problem[];
}

/**
 * Looks at the database and the tables of one segment.
 * @throws StowageError `database/unreachable`; `database/locked` naming the session that keeps a
 * table locked.
 */
export async function lookAtTables(check: TargetCheck, segment: Segment): Promise<TablesFound> {
  const { context, request, dropped = [] } = check;
  const target = targetOf(context.config, segment, context.env);
  const { content } = segment;
  const place = `on content ${content} (${target.host}:${target.port})`;
  const exists = await databaseExists(target, context.signal);
  const refused = (message: string): TablesFound => ({
    exists,
    existing: 0,
    reasons: [{ code: 'target-refused', content, message }],
  });
  const database = `database ${target.database}`;
  // The tables of the first restore exist. The shippers look for what it has done.
  const isResumed = request.resumes !== undefined && request.mode !== 'truncate';
  if (isResumed || (request.mode === 'create' && (!exists || dropped.includes(content))))
    return { exists, existing: 0, reasons: [] };
  if (request.mode === 'create')
    return refused(
      `${database} already exists ${place}: --create needs a new one. Drop it, or choose another name with --redirect-db`,
    );
  if (!exists) return refused(`${database} does not exist ${place}. Use --create to create it`);
  const { existing, wrong } = await wrongTables(check, segment);
  const reasons = wrong.map(({ relation, explain }): Problem => {
    const { schema, name } = relation;
    const message = `table ${schema}.${name} ${explain(place)}`;
    return { code: 'target-refused', content, relation: { schema, name }, message };
  });
  return { exists, existing, reasons };
}

const MAKE_EQUAL =
  'Its rows would not be equal to those of the set: change the table, or restore into a new database with --create';

const EXPLAIN = {
  absent: (place: string) =>
    `does not exist ${place}: --truncate loads existing tables only. Create the table, or restore without --truncate`,
  exists: (place: string) =>
    `already exists ${place}. Drop it, or use --truncate to empty and load it`,
  taken: (place: string) => `already exists ${place}. Drop it, or choose another name`,
  'not-created': (place: string) => `does not exist ${place}: ${NOT_CREATED}`,
  'not-empty': (place: string) => `${place} ${NOT_EMPTY}`,
  'has-rows': (place: string) => `${place} ${HAS_ROWS}. Delete these rows, or use --truncate`,
  'not-owner': (place: string) => `${place} ${NOT_OWNER}`,
};

interface WrongTable {
  readonly relation: QualifiedName;
  explain(place: string): string;
}

interface Wrong {
  readonly existing: number;
  readonly wrong: readonly WrongTable[];
}

/** The tables that this restore cannot load, and why. */
async function wrongTables(
  { context, store, request, manifest }: TargetCheck,
  segment: Segment,
): Promise<Wrong> {
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
  const look = async (signal: AbortSignal): Promise<Wrong> => {
    // A statement that waits for a lock would not notice the signal.
    using _ = onAbort(signal, () => void session.destroy());
    const states = await relationStates(session, wanted);
    const columns = await targetColumns(session, wanted);
    const wrong = states.flatMap((state, at): WrongTable[] => {
      const explain = whyNot(state, wanted[at], columns.get(at), request);
      return explain === undefined ? [] : [{ relation: state, explain }];
    });
    return { existing: states.filter(({ exists }) => exists).length, wrong };
  };
  try {
    return await withLockWatch(target, watch, context.signal, look);
  } finally {
    await session.close();
  }
}

function whyNot(
  state: RelationState,
  relation: ManifestRelation | undefined,
  found: readonly TargetColumn[] | undefined,
  request: RestoreRequest,
): WrongTable['explain'] | undefined {
  const reason = reasonNotToLoad(state, request.mode, existing(request));
  if (reason === 'exists' && request.into !== undefined) return EXPLAIN.taken;
  if (reason !== undefined) return EXPLAIN[reason];
  if (!restores(request, 'data')) return undefined;
  const other = state.facts && otherRows(relation?.condition !== undefined, state.facts);
  if (other !== undefined) return (place) => `${place} ${other}`;
  const differs = relation && state.facts && columnDifference(relation, found ?? []);
  return differs === undefined ? undefined : (place) => `${place} ${differs}. ${MAKE_EQUAL}`;
}
