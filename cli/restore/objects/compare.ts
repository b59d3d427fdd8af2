import { onAbort, throwIfInterrupted } from '../../../async/abort.ts';
import { eachInFlight } from '../../../async/each-in-flight.ts';
import { asStowageError } from '../../../backup-set/base/errors.ts';
import type { ProblemGatherer } from '../../../backup-set/base/problems.ts';
import { count, plural } from '../../../backup-set/base/words.ts';
import type { ManifestPart } from '../../../backup-set/documents/manifest.ts';
import type { ComparedObjects } from '../../../backup-set/documents/restore/found.ts';
import { definedBy, sourcesOf } from '../../../backup-set/restore/mapped/map.ts';
import { intoOf } from '../../../backup-set/restore/names/into.ts';
import { fileOf, namesIn, postData } from '../../../backup-set/restore/order-bodies.ts';
import { draftOrders } from '../../../backup-set/restore/orders.ts';
import { bringsLargeObjects, chosenRelations, isWhole } from '../../../backup-set/restore/plan.ts';
import { restores } from '../../../backup-set/restore/sections.ts';
import type { Segment } from '../../../database/flavour.ts';
import { missingObjects } from '../../../database/objects/compare.ts';
import {
  type ArchiveObject,
  archiveObject,
  expectedOf,
  labelOf,
} from '../../../database/objects/expected.ts';
import { missingLargeObjects } from '../../../database/objects/large-objects.ts';
import { openSession, type Session } from '../../../database/session/session.ts';
import { targetOf } from '../../config/config.ts';
import { functionDeps } from '../../wait-for-functions.ts';
import { changedSegments, expectedIn } from '../expected.ts';
import { requirePart } from '../mapped/parts.ts';
import type { RestoreRun } from '../run.ts';
import { checkedEntries, largeObjectOids } from './archive.ts';
import { type BesideChosen, expectedObjects, noteBeside, nothingBeside } from './chosen.ts';

/** The table of contents of an archive is in memory, at about 1 kB per table. */
export const SEGMENTS_AT_ONCE = 4;
/** Large objects that a problem names. */
const OIDS_NAMED = 5;

type Tally = { -readonly [Field in keyof ComparedObjects]: ComparedObjects[Field] };

interface Comparison {
  readonly run: RestoreRun;
  readonly problems: ProblemGatherer;
  readonly tally: Tally;
  readonly unknownKinds: Set<string>;
  readonly beside: BesideChosen;
  /** As `labelOf` names them. */
  readonly missing: Set<string>;
}

/**
 * Looks in every target database for the objects of the set's schema archive that this restore has
 * made or, with `truncate`, that the loaded tables had. A missing object is a problem, and so is a
 * failure.
 */
export async function compareObjects(
  run: RestoreRun,
  problems: ProblemGatherer,
): Promise<ComparedObjects> {
  const { context, segments, manifest } = run;
  const changed = changedSegments(manifest.flavour, segments);
  const tally = { compared: 0, missing: 0, notCompared: 0 };
  const comparison = {
    run,
    problems,
    tally,
    unknownKinds: new Set<string>(),
    beside: nothingBeside(),
    missing: new Set<string>(),
  };
  context.output.note(
    'comparing',
    { segments: changed.length },
    `looking for the indexes, constraints and other objects of the set on ${plural(changed.length, 'server')}`,
  );
  await eachInFlight(changed, SEGMENTS_AT_ONCE, (segment) => compareSegment(comparison, segment));
  noteBeside(context, comparison.beside, comparison.missing);
  const kinds = [...comparison.unknownKinds].sort();
  const unknown = `; ${plural(tally.notCompared, 'entry', 'entries')} cannot be compared (${kinds.join(', ')})`;
  context.output.note(
    'compared',
    { ...tally, kindsNotCompared: kinds },
    `looked for ${plural(tally.compared, 'object')}: ${count(tally.missing)} missing${tally.notCompared > 0 ? unknown : ''}`,
  );
  return tally;
}

/** A failure becomes a problem: the restore must get an outcome, also when it is interrupted. */
async function compareSegment(comparison: Comparison, segment: Segment): Promise<void> {
  const { content } = segment;
  const { run, beside } = comparison;
  const { signal } = run.context;
  try {
    await expectedOn(run, segment, beside, async (found) => {
      if (found.objects !== undefined) await compareSchema(comparison, content, found);
      for (const part of found.parts) await compareLargeObjects(comparison, content, found, part);
    });
  } catch (error) {
    const { code, message } = asStowageError(signal.aborted ? signal.reason : error);
    comparison.problems.add(content, [
      {
        code: 'objects-failed',
        content,
        message: `cannot compare the schema objects: ${message} (${code})`,
      },
    ]);
  }
}

interface Expected {
  readonly session: Session;
  /** Of all contents of the set that are in the database. */
  readonly parts: readonly ManifestPart[];
  /** Undefined when the content has no schema archive. */
  readonly objects: readonly ArchiveObject[] | undefined;
}

/**
 * Finds the objects that the database of a segment must have, notes what was restored beside the
 * chosen ones, and calls `use` with a session in that database.
 */
export async function expectedOn(
  run: RestoreRun,
  segment: Segment,
  beside: BesideChosen,
  use: (expected: Expected) => Promise<void>,
): Promise<void> {
  const { context, store, request, plan } = run;
  const { content } = segment;
  const { signal } = context;
  throwIfInterrupted(signal);
  const parts: ManifestPart[] = [];
  for (const source of sourcesOf(request, content)) parts.push(await requirePart(run, source));
  const defining = parts.find((part) => part.content === definedBy(request, content));
  const session = await openSession(targetOf(context.config, segment, context.env), {
    purpose: 'probe',
    applicationName: `stowage restore ${plan.id} objects`,
    signal,
  });
  try {
    using _ = onAbort(signal, () => void session.destroy());
    const archive = defining && fileOf(defining, 'schema.dump');
    let objects: readonly ArchiveObject[] | undefined;
    if (defining !== undefined && archive !== undefined) {
      const entries = checkedEntries(store, archive, context);
      const all = await Array.fromAsync(entries, (entry) => archiveObject(entry));
      const order = orderOf(run, defining);
      const loaded = await loadedIn(run, content);
      objects = await expectedObjects(session, all, request, order, loaded, beside);
    }
    await use({ session, parts, objects });
  } finally {
    await session.close();
  }
}

async function compareSchema(
  { problems, tally, unknownKinds, missing }: Comparison,
  content: number,
  { session, objects = [] }: Expected,
): Promise<void> {
  // A generator: the parts of all tables together can be many.
  const expected = function* () {
    for (const object of objects) {
      const wanted = expectedOf(object);
      if (wanted === undefined) {
        tally.notCompared += 1;
        unknownKinds.add(object.kind);
        continue;
      }
      tally.compared += wanted.length;
      yield* wanted;
    }
  };
  for await (const object of missingObjects(session, expected())) {
    tally.missing += 1;
    missing.add(labelOf(object));
    problems.add(content, [
      {
        code: 'schema-object-missing',
        content,
        schemaObject: object.entry,
        message: `the target lacks ${labelOf(object)}`,
      },
    ]);
  }
}

/** The order of the shipper that has made the objects. */
export function orderOf(
  { request, manifest }: Pick<RestoreRun, 'request' | 'manifest'>,
  part: ManifestPart,
) {
  if (request.map !== undefined) {
    const chosen = chosenRelations(request, manifest);
    return postData(part, namesIn(part, chosen), request, intoOf(request, chosen.values()));
  }
  const drafts = draftOrders('post-data', { request, manifest });
  const draft = drafts.find(({ content }) => content === part.content);
  draft?.take(part);
  const order = draft?.finish();
  return order?.phase === 'post-data' ? order : undefined;
}

async function loadedIn({ context, store, request, manifest }: RestoreRun, content: number) {
  const expected = await expectedIn(functionDeps(context, store), content, request, manifest);
  return expected.flatMap(({ relation: { schema, name, partitionRoot } }) =>
    partitionRoot === undefined ? [{ schema, name }] : [{ schema, name }, partitionRoot],
  );
}

/** The rows of a table can name large objects, so a target without them is not the set. */
async function compareLargeObjects(
  { run: { context, store, request }, problems, tally }: Comparison,
  content: number,
  { session }: Pick<Expected, 'session'>,
  part: ManifestPart,
): Promise<void> {
  const archive = fileOf(part, 'large-objects.dump');
  const isWanted = isWhole(request) || bringsLargeObjects(request);
  if (archive === undefined || !isWanted || !restores(request, 'data')) return;
  const oids = largeObjectOids(store, archive, context);
  const { compared, missing, first } = await missingLargeObjects(session, oids, OIDS_NAMED);
  tally.compared += compared;
  tally.missing += missing;
  if (missing === 0) return;
  const why =
    request.mode === 'truncate' && request.largeObjects !== true
      ? '. --truncate does not load large objects without --large-objects'
      : '';
  problems.add(content, [
    {
      code: 'schema-object-missing',
      content,
      message: `the target lacks ${count(missing)} of the ${plural(compared, 'LARGE OBJECT')} of the set: ${first.join(', ')}${missing > first.length ? ', …' : ''}${why}`,
    },
  ]);
}
