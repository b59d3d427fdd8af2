import { onAbort, throwIfInterrupted } from '../../async/abort.ts';
import { eachInFlight } from '../../async/each-in-flight.ts';
import { encode, FORMAT_VERSION } from '../../backup-set/base/document.ts';
import { asStowageError, isStowageError, StowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { gatherProblems } from '../../backup-set/base/problems.ts';
import { boundedProblems, causedBy } from '../../backup-set/base/verdict.ts';
import { plural } from '../../backup-set/base/words.ts';
import { RestoreCounts } from '../../backup-set/documents/restore/found.ts';
import type { Segment } from '../../database/flavour.ts';
import { openSession } from '../../database/session/session.ts';
import { batchesToCount, countRows } from '../../database/target/count-rows.ts';
import { targetOf } from '../config/config.ts';
import { type SegmentProgress, showProgress } from '../output/progress.ts';
import { noteSilence } from '../output/silence.ts';
import { functionDeps } from '../wait-for-functions.ts';
import { withoutNotLoaded } from './counts/not-loaded.ts';
import { type PartitionCounts, partitionCounts } from './counts/partition-counts.ts';
import { changedSegments, type ExpectedRelation, expectedIn } from './expected.ts';
import { compareObjects } from './objects/compare.ts';
import type { RestoreRun } from './run.ts';

const SEGMENTS_AT_ONCE = 16;
/** An interrupted restore still stores its counts; they get a short time of their own. */
const STORE_MS_MAX = 30_000;

/** What is known about one instance while its relations are counted. */
type Counted = { -readonly [Field in keyof SegmentProgress]: SegmentProgress[Field] };

interface Counting {
  readonly run: RestoreRun;
  readonly problems: ReturnType<typeof gatherProblems>;
  readonly counted: Counted[];
}

/**
 * Compares the schema objects and counts every loaded relation over connections of this process,
 * compares the counts with the manifest, and stores counts.json. Without it the functions do not
 * call the restore `restored`, whatever its receipts say.
 * @returns the key. @throws StowageError `restore/failed` when another process has stored it.
 */
export async function countTarget(run: RestoreRun): Promise<string> {
  const { context, store, plan } = run;
  const counting: Counting = { run, problems: gatherProblems(), counted: [] };
  const objects = plan.objects === true && (await compareObjects(run, counting.problems));
  if (plan.count) await countRelations(counting);
  const total = (field: 'relationsDone' | 'rows') =>
    counting.counted.reduce((sum, each) => sum + each[field], 0);
  const { problems, problemsTotal } = counting.problems.list();
  const counts: RestoreCounts = {
    format: 'stowage/restore-counts',
    version: FORMAT_VERSION,
    id: plan.id,
    countedAt: context.clock().toISOString(),
    relations: total('relationsDone'),
    rows: total('rows'),
    ...(objects && { objects }),
    problems: boundedProblems(problems).problems,
    problemsTotal,
  };
  const key = formatKey({ kind: 'restore-counts', restore: plan.id });
  const options = { signal: AbortSignal.timeout(STORE_MS_MAX) };
  await store.create(key, encode(RestoreCounts, counts), options).catch((error: unknown) => {
    if (!isStowageError(error, 'storage/exists')) throw error;
    throw new StowageError(
      'restore/failed',
      `another process has stored the counts of restore ${plan.id} (${key}): its outcome is not to be believed. Check the keys of the segment hosts`,
      { cause: error, where: { object: key } },
    );
  });
  return key;
}

async function countRelations(counting: Counting): Promise<void> {
  const { context, plan, segments, manifest } = counting.run;
  const changed = changedSegments(manifest.flavour, segments);
  const about = { segments: changed.length, relations: plan.totals.relations };
  context.output.note(
    'counting',
    about,
    `counting the rows of ${plural(about.relations, 'table')} on ${plural(about.segments, 'server')}`,
  );
  const kind = { what: 'count', title: 'restore, counting rows', shows: 'count' } as const;
  const progress = showProgress(context, kind, () => counting.counted);
  try {
    await eachInFlight(changed, SEGMENTS_AT_ONCE, (segment) => countSegment(counting, segment));
  } finally {
    progress.stop();
  }
  const relations = counting.counted.reduce((sum, each) => sum + each.relationsDone, 0);
  context.output.note('counted', { relations, problems: counting.problems.total });
}

/** A failure becomes a problem: the restore must get an outcome, also when it is interrupted. */
async function countSegment(counting: Counting, segment: Segment): Promise<void> {
  const { context, store, request, manifest } = counting.run;
  const { content, host } = segment;
  const places = partitionCounts();
  const counted: Counted = {
    content,
    host,
    rows: 0,
    bytes: 0,
    storedBytes: 0,
    relationsDone: 0,
    relationsPlanned: 0,
    fraction: undefined,
    current: undefined,
  };
  counting.counted.push(counted);
  try {
    throwIfInterrupted(context.signal);
    const all = await expectedIn(functionDeps(context, store), content, request, manifest);
    const expected = await withoutNotLoaded(counting.run, content, all);
    counted.relationsPlanned = expected.length;
    const batches = batchesToCount(expected);
    const workers = Math.min(context.config.shippers.workers, batches.length);
    const lanes = Array.from({ length: workers }, (_, lane) => lane);
    await eachInFlight(lanes, lanes.length, () =>
      countBatches(counting, segment, { counted, places }, batches),
    );
  } catch (error) {
    const { signal } = context;
    const failure = asStowageError(signal.aborted ? signal.reason : error);
    counting.problems.add(content, [
      { code: 'count-failed', content, ...causedBy(failure, 'cannot count the rows: ') },
    ]);
  }
  counting.problems.add(content, places.problems(content));
}

/** Takes batches from the common list, over one connection, until none is left. */
async function countBatches(
  { run: { context, plan }, problems }: Counting,
  segment: Segment,
  { counted, places }: { readonly counted: Counted; readonly places: PartitionCounts },
  batches: ExpectedRelation[][],
): Promise<void> {
  const { content } = segment;
  const session = await openSession(targetOf(context.config, segment, context.env), {
    purpose: 'probe',
    applicationName: `stowage restore ${plan.id} count`,
    signal: context.signal,
    onSilence: (note) => noteSilence(context.output, content, note),
  });
  try {
    using _ = onAbort(context.signal, () => void session.destroy());
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
      const [first] = batch;
      counted.current = first && `${first.target.schema}.${first.target.name}`;
      const wanted = batch.map(({ target, relation: { condition } }) => ({
        ...target,
        isConditional: condition !== undefined,
      }));
      const counts = await countRows(session, wanted);
      // A statement that the signal has cancelled is not the fault of its relation.
      throwIfInterrupted(context.signal);
      for (const [at, rows] of counts.entries()) {
        const expected = batch[at];
        if (expected === undefined) continue;
        const { schema, name } = expected.target;
        const about = { content, relation: { schema, name } };
        if (rows instanceof StowageError) {
          const why = causedBy(rows, 'cannot count its rows: ');
          problems.add(content, [{ code: 'count-failed', ...why, ...about }]);
          continue;
        }
        counted.relationsDone += 1;
        counted.rows += rows;
        places.add(expected, rows);
      }
    }
  } catch (error) {
    // The other connections of this server find nothing more to do.
    batches.length = 0;
    throw error;
  } finally {
    await session.close();
  }
}
