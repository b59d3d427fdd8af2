import { asStowageError } from '../../../backup-set/base/errors.ts';
import { causedBy, type Problem } from '../../../backup-set/base/verdict.ts';
import type { OrderOf } from '../../../backup-set/documents/restore.ts';
import { type Choice, chooseEntries } from '../../../database/objects/choice/choose.ts';
import { type ArchiveEntry, describeEntry } from '../../../database/objects/choice/entries.ts';
import {
  EMPTY_TARGET,
  type InTarget,
  lookInTarget,
} from '../../../database/objects/choice/in-target.ts';
import { REMARKS } from '../../../database/objects/choice/kinds.ts';
import { listedIn, useList } from '../../../database/objects/choice/lists.ts';
import { mainObjectOf } from '../../../database/objects/expected.ts';
import { MARK_SCHEMA } from '../../../database/target/unfinished/mark.ts';
import { restoreSchema } from '../../../database/tools/restore.ts';
import { type ShipperDeps, silenceNote } from '../../deps.ts';
import type { RestoreJob } from '../../protocol/control.ts';
import { inSession } from '../in-session.ts';
import { labelOf } from '../locks.ts';
import { entriesOf } from './entries.ts';

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
 * Makes the objects that the server may reject: all at once and, when one fails, each by itself.
 * @returns those that failed.
 */
export async function restoreTried(
  { choice, target }: ChosenSchema,
  order: SchemaOrder,
  job: RestoreJob,
  file: string,
  deps: ShipperDeps,
): Promise<Problem[]> {
  const tried = choice.tried.filter((entry) => !target.exists(entry));
  const run = (entries: readonly ArchiveEntry[]) =>
    restoreSchema(job.target, file, {
      noOwner: order.noOwner,
      signal: deps.signal,
      onSilence: silenceNote(deps),
      label: labelOf(order),
      list: useList(entries),
    });
  if (tried.length === 0) return [];
  try {
    await run(tried);
    return [];
  } catch (error) {
    deps.signal.throwIfAborted();
    deps.log.warn({ err: error }, 'an object was rejected; trying each by itself');
  }
  const problems: Problem[] = [];
  for (const entry of tried) {
    if (REMARKS.includes(entry.kind)) continue;
    const remarks = tried.filter(
      ({ kind, dependsOn }) => REMARKS.includes(kind) && dependsOn.includes(entry.id),
    );
    try {
      await run([entry, ...remarks]);
    } catch (error) {
      deps.signal.throwIfAborted();
      problems.push(rejected(entry, error, job.content));
    }
  }
  return problems;
}

/** The chosen objects that need something that is not there. */
export function unmade({ choice }: Pick<ChosenSchema, 'choice'>, content: number): Problem[] {
  return choice.leftOut.map(({ entry, reason }) => ({
    code: 'need-missing',
    message: `${describeEntry(entry)} was not restored: ${reason}`,
    content,
    ...named(entry),
  }));
}

/** The problem of an object that the server has rejected. */
export function rejected(entry: ArchiveEntry, error: unknown, content: number): Problem {
  const caused = causedBy(asStowageError(error));
  const message = `${describeEntry(entry)} was not restored: ${caused.message}`;
  return { code: 'object-not-made', ...caused, message, content, ...named(entry) };
}

function named(entry: ArchiveEntry): Pick<Problem, 'schemaObject'> {
  const { kind, schema, name = '' } = entry;
  return { schemaObject: mainObjectOf(entry)?.entry ?? { kind, schema, name } };
}
