import { NO_PROBLEMS, type ProblemList } from '../../../backup-set/base/problems.ts';
import { boundedProblems, type Problem } from '../../../backup-set/base/verdict.ts';
import type { OrderOf } from '../../../backup-set/documents/restore/restore.ts';
import { restores } from '../../../backup-set/restore/sections.ts';
import { type Choice, chooseEntries } from '../../../database/objects/choice/choose.ts';
import { type ArchiveEntry, describeEntry } from '../../../database/objects/choice/entries.ts';
import {
  EMPTY_TARGET,
  type InTarget,
  lookInTarget,
} from '../../../database/objects/choice/in-target.ts';
import { listedIn, useList } from '../../../database/objects/choice/lists.ts';
import { mainObjectOf } from '../../../database/objects/expected.ts';
import { MARK_SCHEMA } from '../../../database/target/unfinished/mark.ts';
import { restoreSchema } from '../../../database/tools/restore.ts';
import { type ShipperDeps, silenceNote } from '../../deps.ts';
import type { RestoreJob } from '../../protocol/control.ts';
import { inSession } from '../in-session.ts';
import { labelOf } from '../locks.ts';
import { entriesOf } from './entries.ts';
import { rejectedObjects } from './left-out.ts';

/** What a restore of chosen objects makes of an archive. */
export interface ChosenSchema {
  readonly entries: readonly ArchiveEntry[];
  readonly choice: Choice<ArchiveEntry>;
  readonly target: InTarget<ArchiveEntry>;
}

export type SchemaOrder = OrderOf<'pre-data'> | OrderOf<'post-data'>;

/** Chooses entries of the archive; undefined when the order is for the whole schema. */
export async function chosenSchema(
  order: SchemaOrder,
  job: RestoreJob,
  file: string,
  deps: ShipperDeps,
): Promise<ChosenSchema | undefined> {
  const { only, selection, mode, schema, resumes } = order;
  if (only === undefined) return undefined;
  const entries = await entriesOf(file, schema?.key ?? file);
  const wanted = { only, selection };
  let target: InTarget<ArchiveEntry> = EMPTY_TARGET;
  if (mode !== 'create' || resumes !== undefined)
    await inSession(order, job, deps, async (session) => {
      target = await lookInTarget(session, entries, wanted, MARK_SCHEMA);
    });
  // Before its pre-data, everything that a target has was there before.
  const was = order.phase === 'pre-data' ? target.exists : target.existed;
  const existed = mode === 'create' ? EMPTY_TARGET.existed : was;
  return { entries, choice: chooseEntries(entries, wanted, existed), target };
}

/** The list of a section for pg_restore, without what an earlier attempt has made. */
export function chosenList(
  { entries, choice, target }: ChosenSchema,
  section: 'pre-data' | 'post-data',
): string {
  const made = new Set(choice.made);
  return useList(listedIn(entries, section, (entry) => made.has(entry) && !target.exists(entry)));
}

/**
 * Makes what the server may reject, after everything else.
 * @returns what it has rejected.
 */
export async function restoreTried(
  { choice, target }: ChosenSchema,
  order: OrderOf<'post-data'>,
  job: RestoreJob,
  file: string,
  deps: ShipperDeps,
): Promise<ProblemList> {
  const tried = choice.tried.filter((entry) => !target.exists(entry));
  if (tried.length === 0) return NO_PROBLEMS;
  const rejections = await restoreSchema(job.target, file, {
    noOwner: order.noOwner,
    noAcl: order.noAcl === true,
    onError: 'continue',
    signal: deps.signal,
    onSilence: silenceNote(deps),
    label: labelOf(order),
    list: useList(tried),
  });
  return rejectedObjects(file, rejections, order);
}

/** The chosen objects of the requested sections that need something that is not there. */
export function unmade(
  { choice }: Pick<ChosenSchema, 'choice'>,
  { content, ...order }: Pick<SchemaOrder, 'content' | 'sections'>,
): ProblemList {
  const isAsked = ({ section }: ArchiveEntry) => section === 'none' || restores(order, section);
  const leftOut = choice.leftOut.filter(({ entry }) => isAsked(entry));
  const problems = leftOut.map(({ entry, reason }): Problem => {
    const { kind, schema, name = '' } = entry;
    return {
      code: 'need-missing',
      message: `${describeEntry(entry)} was not restored: ${reason}`,
      content,
      schemaObject: mainObjectOf(entry)?.entry ?? { kind, schema, name },
    };
  });
  return boundedProblems(problems);
}
