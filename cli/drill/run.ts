import { hostname } from 'node:os';
import { asStowageError, messageOf } from '../../backup-set/base/errors.ts';
import { isEverything } from '../../backup-set/base/selection.ts';
import { instantOf } from '../../backup-set/base/timestamps.ts';
import type { DrillFacts } from '../../backup-set/base/verdict/drill-facts.ts';
import type { Problem, Verdict } from '../../backup-set/base/verdict.ts';
import { plural } from '../../backup-set/base/words.ts';
import type { ManifestRelation } from '../../backup-set/documents/manifest.ts';
import { formatOf } from '../../backup-set/flavours/formats.ts';
import { chosenRelations } from '../../backup-set/restore/plan.ts';
import { writeVerdict } from '../../functions/stored/write-verdict.ts';
import type { ClusterContext } from '../context.ts';
import { type OpenSet, readingSet } from '../read-set/open-set.ts';
import { relationParts } from '../read-set/relation-parts.ts';
import { runRestore } from '../restore/coordinate.ts';
import type { RestoreOptions } from '../restore/request.ts';
import { type Chosen, choose, THROWAWAY_SERVERS_MAX } from './choose.ts';
import { type Comparison, compareRows, NOT_COMPARED } from './compare.ts';
import { findingOf, isExpected, isFinding, type Restored, wholeMsOf } from './finding.ts';
import type { DrillOptions } from './options.ts';
import { requireRoom } from './room.ts';
import { serversOf, targetSegments } from './segments.ts';
import { type DrillTarget, openTarget } from './target.ts';

type Volume = DrillFacts['restored'];

/**
 * Restores a set, or tables of it, into a database that the drill makes and drops, compares, and
 * writes the verdict `drill`.
 * @throws StowageError before anything was restored; `interrupted`, without a verdict.
 */
export function runDrill(context: ClusterContext, options: DrillOptions): Promise<Verdict> {
  return readingSet(context, options.set, 'drill', async (set) => {
    const { manifest } = set;
    const startedAt = context.clock();
    const serversMax = options.target.kind === 'throwaway' ? THROWAWAY_SERVERS_MAX : 1e6;
    const chosen = choose(manifest, options.scope, { seed: instantOf(startedAt), serversMax });
    const relations = [...chosenRelations(chosen, manifest).values()];
    noteBegin(context, set, relations, options);
    const volume = await volumeOf(set, chosen, relations);
    if (options.target.kind === 'throwaway')
      await requireRoom(volume.bytes, serversOf(manifest, chosen).length);
    const target = await openTarget(context, set, chosen, options);
    const ended = await carryOut(context, set, { target, chosen, relations, options });
    const { restored, compared } = ended;
    const { rows, bytes, relations: all } = manifest.totals;
    const scope = options.scope.kind;
    const facts: DrillFacts = {
      startedAt: startedAt.toISOString(),
      host: hostname(),
      target: target.kind,
      ...(restored.ok && { restore: restored.outcome.id }),
      scope,
      contents: [...(chosen.contents ?? manifest.contents.map(({ content }) => content))],
      restored: isRestored(restored) ? volume : { relations: 0, rows: 0, bytes: 0 },
      set: { relations: all, rows, bytes },
      compared: { relations: compared.relations.size, rows: compared.rows },
      leftOut: restored.ok
        ? (restored.outcome.leftOut ?? []).filter((one) => isExpected(one, scope)).length
        : 0,
      startMs: target.startMs,
      restoreMs: ended.restoreMs,
      compareMs: ended.compareMs,
      dropMs: ended.dropMs,
    };
    const wholeMs = isRestored(restored) ? wholeMsOf(facts) : undefined;
    const whole = { ...facts, ...(wholeMs !== undefined && { wholeMs }) };
    const checked = { objects: volume.relations, bytes: volume.bytes };
    const finding = findingOf(restored, compared.problems, whole, checked);
    const { verdict } = await writeVerdict(set.deps, manifest.timestamp, 'drill', finding);
    return verdict;
  });
}

interface Drill {
  readonly target: DrillTarget;
  readonly chosen: Chosen;
  readonly relations: readonly ManifestRelation[];
  readonly options: DrillOptions;
}

interface Ended {
  readonly restored: Restored;
  readonly compared: Comparison;
  readonly restoreMs: number;
  readonly compareMs: number;
  readonly dropMs: number;
}

const isRestored = (restored: Restored) => restored.ok && restored.outcome.status === 'restored';

/** Restores, compares and removes what was made, also after a failure or an interruption. */
async function carryOut(context: ClusterContext, set: OpenSet, drill: Drill): Promise<Ended> {
  const { target, options } = drill;
  const now = () => context.clock().getTime();
  const begun = now();
  let [restoredAt, comparedAt] = [begun, begun];
  let ended: Pick<Ended, 'restored' | 'compared'>;
  let failure: Problem | undefined;
  try {
    const restored = await restore(set, drill);
    restoredAt = now();
    const isThere = isRestored(restored);
    if (isThere && options.compares) context.output.note('comparing', {}, 'comparing the rows');
    const compared =
      isThere && options.compares ? await compare(context, set, drill) : NOT_COMPARED;
    comparedAt = now();
    context.signal.throwIfAborted();
    ended = { restored, compared };
  } finally {
    failure = await remove(context, target);
  }
  return {
    restored: ended.restored,
    compared: withProblem(ended.compared, failure),
    restoreMs: restoredAt - begun,
    compareMs: comparedAt - restoredAt,
    dropMs: now() - comparedAt,
  };
}

async function restore({ manifest }: OpenSet, drill: Drill): Promise<Restored> {
  const { target, chosen, options } = drill;
  const asked: RestoreOptions = {
    set: { kind: 'timestamp', timestamp: manifest.timestamp },
    mode: 'create',
    ...(chosen.contents && { contents: chosen.contents }),
    selection: chosen.selection,
    // Every frame is checked before its rows are loaded.
    verify: false,
    globals: false,
    // A throwaway server has the roles of the set.
    noOwner: target.kind === 'scratch',
    resize: false,
    count: true,
    objects: true,
    choices: {
      ...(target.kind === 'scratch' && { noAcl: true as const }),
      ...(!isEverything(chosen.selection) && { allowMissing: true as const }),
    },
    waitMs: options.waitMs,
    acceptCluster: true,
    dropUnfinished: false,
  };
  try {
    return { ok: true, outcome: (await runRestore(target.context, asked)).outcome };
  } catch (error) {
    if (!isFinding(error)) throw error;
    return { ok: false, error };
  }
}

async function compare(
  context: ClusterContext,
  set: OpenSet,
  { target, chosen, relations }: Drill,
): Promise<Comparison> {
  const segments = await targetSegments(target.context, set.manifest, chosen.contents);
  try {
    return await compareRows(set, { context: target.context, segments }, relations);
  } catch (error) {
    context.signal.throwIfAborted();
    if (!isFinding(error)) throw error;
    const message = `the rows could not be compared: ${messageOf(error)}`;
    const cause = asStowageError(error).code;
    return { ...NOT_COMPARED, problems: [{ code: 'drill-failed', message, cause }] };
  }
}

/** What was made and could not be removed is a problem of the drill. */
async function remove(
  { output }: ClusterContext,
  target: DrillTarget,
): Promise<Problem | undefined> {
  const { database } = target.context.config;
  try {
    await target.remove();
    output.note('removed', { database });
    return undefined;
  } catch (error) {
    const message = `database ${database} of the drill could not be dropped: ${messageOf(error)}. Drop it by hand`;
    output.note('not-removed', { database, message }, message);
    return { code: 'drill-failed', message };
  }
}

const withProblem = (compared: Comparison, problem: Problem | undefined): Comparison =>
  problem === undefined ? compared : { ...compared, problems: [...compared.problems, problem] };

async function volumeOf(
  set: OpenSet,
  { selection, contents }: Chosen,
  relations: readonly ManifestRelation[],
): Promise<Volume> {
  const { manifest } = set;
  if (isEverything(selection) && contents === undefined) {
    const { rows, bytes } = manifest.totals;
    return { relations: manifest.totals.relations, rows, bytes };
  }
  if (contents === undefined || formatOf(manifest.flavour).hasOneCatalog)
    return summed(
      relations.length,
      relations.map(({ totals }) => totals),
    );
  return summed(relations.length, await Array.fromAsync(relationParts(set, relations, contents)));
}

function summed(
  relations: number,
  parts: readonly { readonly rows: number; readonly bytes: number }[],
): Volume {
  const sum = (field: 'rows' | 'bytes') => parts.reduce((total, part) => total + part[field], 0);
  return { relations, rows: sum('rows'), bytes: sum('bytes') };
}

function noteBegin(
  { output }: ClusterContext,
  { manifest }: OpenSet,
  relations: readonly ManifestRelation[],
  { target }: DrillOptions,
): void {
  const where =
    target.kind === 'throwaway'
      ? 'servers that it makes on this host'
      : `the servers of ${target.file}`;
  const { timestamp, totals } = manifest;
  output.note(
    'drill',
    { set: timestamp, target: target.kind, relations: relations.length },
    `drill of set ${timestamp}: restoring ${plural(relations.length, 'table')} of ${totals.relations} into ${where}`,
  );
}
