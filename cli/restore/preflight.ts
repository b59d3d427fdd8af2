import { eachInFlight } from '../../async/each-in-flight.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import { describeProblem } from '../../backup-set/base/verdict.ts';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import type { RestoreRequest } from '../../backup-set/documents/restore.ts';
import { COORDINATOR } from '../../backup-set/restore/phases.ts';
import { chosenRelations } from '../../backup-set/restore/plan.ts';
import type { Segment } from '../../database/flavour.ts';
import { openSession } from '../../database/session/session.ts';
import { databaseExists, relationStates } from '../../database/target/target.ts';
import type { Deps } from '../../functions/deps.ts';
import { readPart } from '../../functions/stored/read-part.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { targetOf } from '../config/config.ts';
import type { ClusterContext } from '../context.ts';
import { functionDeps } from '../wait-for-functions.ts';

const SEGMENTS_AT_ONCE = 16;

/**
 * Looks at every segment of the target before anything is asked for, so that a restore is not refused on the last segment when the first
 * has been changed.
 * @throws StowageError `restore/refused` naming segment and table; `database/unreachable`.
 */
export async function requireTarget(
  context: ClusterContext,
  store: ObjectStore,
  segments: readonly Segment[],
  request: RestoreRequest,
  manifest: Manifest,
): Promise<void> {
  // The coordinator of a Greenplum speaks for its segments.
  const inspected =
    manifest.flavour === 'greenplum'
      ? segments.filter(({ content }) => content === COORDINATOR)
      : segments;
  await eachInFlight(inspected, SEGMENTS_AT_ONCE, (segment) =>
    requireSegment(context, store, segment, request, manifest),
  );
}

async function requireSegment(
  context: ClusterContext,
  store: ObjectStore,
  segment: Segment,
  request: RestoreRequest,
  manifest: Manifest,
): Promise<void> {
  const target = targetOf(context.config, segment, context.env);
  const { content } = segment;
  const exists = await databaseExists(target, context.signal);
  const refused = (message: string, relation?: string) =>
    new StowageError(
      'restore/refused',
      `content ${content} (${target.host}:${target.port}): ${message}`,
      {
        where: { content, ...(relation === undefined ? {} : { relation }) },
      },
    );
  if (request.mode === 'create') {
    if (exists) throw refused(`database ${target.database} exists; --create only makes new ones`);
    return;
  }
  if (!exists) throw refused(`database ${target.database} does not exist; --create would make it`);
  const wanted = await chosenIn(functionDeps(context, store), content, request, manifest);
  const session = await openSession(target, {
    purpose: 'probe',
    applicationName: 'stowage restore',
    signal: context.signal,
  });
  try {
    const wrong = (await relationStates(session, wanted)).find(
      (state) => state.exists !== (request.mode === 'truncate'),
    );
    if (wrong === undefined) return;
    const name = `${wrong.schema}.${wrong.name}`;
    throw refused(
      request.mode === 'truncate'
        ? `table ${name} does not exist; --truncate only loads tables that do`
        : `table ${name} exists; --truncate would empty and load it`,
      name,
    );
  } finally {
    await session.close();
  }
}

async function chosenIn(deps: Deps, content: number, request: RestoreRequest, manifest: Manifest) {
  const chosen = chosenRelations(request, manifest);
  if (manifest.flavour === 'greenplum') return [...chosen.values()];
  if (!manifest.contents.some((candidate) => candidate.content === content)) return [];
  const part = await readPart(deps, manifest, content);
  if ('code' in part)
    throw new StowageError('set/damaged', describeProblem(part), {
      where: { set: manifest.timestamp, content },
    });
  return part.relations.flatMap(({ relation }) => chosen.get(relation) ?? []);
}
