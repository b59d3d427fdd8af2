import { eachInFlight } from '../../async/each-in-flight.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import type { RestoreRequest } from '../../backup-set/documents/restore.ts';
import type { Segment } from '../../database/flavour.ts';
import { openSession } from '../../database/session/session.ts';
import { databaseExists } from '../../database/target/database.ts';
import { relationStates } from '../../database/target/relations.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { targetOf } from '../config/config.ts';
import type { ClusterContext } from '../context.ts';
import { functionDeps } from '../wait-for-functions.ts';
import { changedSegments, expectedIn } from './expected.ts';

const SEGMENTS_AT_ONCE = 16;

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
 * @throws StowageError `restore/refused` naming segment and table; `database/unreachable`.
 */
export async function requireTarget(check: TargetCheck): Promise<void> {
  const { segments, manifest } = check;
  const inspected = changedSegments(manifest.flavour, segments);
  await eachInFlight(inspected, SEGMENTS_AT_ONCE, (segment) => requireSegment(check, segment));
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
  if (wrong === undefined) return;
  throw refused(
    request.mode === 'truncate'
      ? `table ${wrong} does not exist ${place}: --truncate loads existing tables only. Create the table, or restore without --truncate`
      : `table ${wrong} already exists ${place}. Drop it, or use --truncate to empty and load it`,
    wrong,
  );
}

/** The first table that exists and must not, or that must exist and does not. */
async function firstWrongTable(
  { context, store, request, manifest }: TargetCheck,
  segment: Segment,
): Promise<string | undefined> {
  const deps = functionDeps(context, store);
  const expected = await expectedIn(deps, segment.content, request, manifest);
  const wanted = expected.map(({ relation }) => relation);
  const session = await openSession(targetOf(context.config, segment, context.env), {
    purpose: 'probe',
    applicationName: 'stowage restore',
    signal: context.signal,
  });
  try {
    const wrong = (await relationStates(session, wanted)).find(
      (state) => state.exists !== (request.mode === 'truncate'),
    );
    return wrong && `${wrong.schema}.${wrong.name}`;
  } finally {
    await session.close();
  }
}
