import { asStowageError } from '../../../backup-set/base/errors.ts';
import { joinProblems, NO_PROBLEMS, type ProblemList } from '../../../backup-set/base/problems.ts';
import { causedBy, type Problem } from '../../../backup-set/base/verdict.ts';
import type { Into } from '../../../backup-set/documents/restore/names.ts';
import type { OrderOf } from '../../../backup-set/documents/restore/restore.ts';
import type { Choice } from '../../../database/objects/choice/choose.ts';
import { type ArchiveEntry, describeEntry } from '../../../database/objects/choice/entries.ts';
import { EMPTY_TARGET, lookInTarget } from '../../../database/objects/choice/in-target.ts';
import { REMARKS } from '../../../database/objects/choice/kinds.ts';
import { listedIn, useList } from '../../../database/objects/choice/lists.ts';
import { mainObjectOf } from '../../../database/objects/expected.ts';
import { multirangesIn } from '../../../database/rename/archive.ts';
import { chooseCopies } from '../../../database/rename/choice.ts';
import { type MadeNames, madeNames } from '../../../database/rename/made-names.ts';
import { renamedObject } from '../../../database/rename/objects.ts';
import { runRenamed } from '../../../database/rename/run.ts';
import type { Session } from '../../../database/session/session.ts';
import { mergedSequences } from '../../../database/target/merged/sequences.ts';
import { refreshViews } from '../../../database/target/refresh.ts';
import { setSequences } from '../../../database/target/sequence-values.ts';
import { MARK_SCHEMA, readMark, setReached } from '../../../database/target/unfinished/mark.ts';
import { schemaText } from '../../../database/tools/restore.ts';
import type { ShipperDeps } from '../../deps.ts';
import type { RestoreJob } from '../../protocol/control.ts';
import { inSession } from '../in-session.ts';
import { withArchive } from './archive.ts';
import { unmade } from './chosen.ts';
import { entriesOf } from './entries.ts';
import { staleViews } from './left-out.ts';
import { storedSequences } from './stored-sequences.ts';

type SchemaOrder = OrderOf<'pre-data'> | OrderOf<'post-data'>;
type Renamed<Order extends SchemaOrder> = Order & { readonly into: Into };
type PostData = Extract<SchemaOrder, { phase: 'post-data' }>;
type PreData = Extract<SchemaOrder, { phase: 'pre-data' }>;

/** What a restore under other names makes of an archive. */
interface Copies {
  readonly entries: readonly ArchiveEntry[];
  readonly choice: Choice<ArchiveEntry>;
  readonly names: MadeNames;
}

/** Makes schema and tables under other names, in one transaction. */
export async function preDataRenamed(
  order: Renamed<PreData>,
  job: RestoreJob,
  file: string,
  deps: ShipperDeps,
): Promise<void> {
  const copies = await copiesIn(order, job, file, deps);
  const text = await textOf(order, copies, job, file, deps);
  await inSession(order, job, deps, async (session) => {
    await session.query('BEGIN');
    await runRenamed(session, text, copies.names, {
      isFirst: true,
      isNewDatabase: order.mode === 'create',
    });
    await session.query('COMMIT');
  });
}

/**
 * Makes what needs the rows under other names, in one transaction, which also writes into the mark
 * that it was done: a resume makes nothing twice.
 * @returns the chosen objects that could not be restored.
 */
export async function postDataRenamed(
  order: Renamed<PostData>,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<ProblemList> {
  const { schema } = order;
  let leftOut = NO_PROBLEMS;
  if (schema === undefined) return leftOut;
  await withArchive(schema, deps, async (file) => {
    const copies = await copiesIn(order, job, file, deps);
    const text = await textOf(order, copies, job, file, deps);
    leftOut = unmade(copies, order);
    await inSession(order, job, deps, async (session) => {
      const mark = await readMark(session);
      if (mark?.reached === 'post-data') return;
      await session.query('BEGIN');
      await runRenamed(session, text, copies.names, { isFirst: false, isNewDatabase: false });
      for (const entry of copies.choice.tried)
        leftOut = joinProblems(
          leftOut,
          await tryRenamed(session, entry, copies, { order, job, file, deps }),
        );
      if (mark !== undefined) await setReached(session, mark, 'post-data');
      await session.query('COMMIT');
    });
    await setRenamedSequences(order, copies, job, deps);
    leftOut = joinProblems(leftOut, await refreshRenamed(order, copies, job, deps));
  });
  return leftOut;
}

async function copiesIn(
  order: Renamed<SchemaOrder>,
  job: RestoreJob,
  file: string,
  deps: ShipperDeps,
): Promise<Copies> {
  const { only = [], selection, mode, schema, into } = order;
  const key = schema?.key ?? file;
  const entries = await entriesOf(file, key);
  const wanted = { only, selection };
  let target = EMPTY_TARGET;
  if (mode !== 'create')
    await inSession(order, job, deps, async (session) => {
      target = await lookInTarget(session, entries, wanted, MARK_SCHEMA);
    });
  const existed = order.phase === 'pre-data' ? target.exists : target.existed;
  const choice = chooseCopies(entries, wanted, into, existed);
  const made = [...choice.made, ...choice.tried];
  return { entries, choice, names: madeNames(into, made, await multirangesIn(file, key)) };
}

/** The SQL text of one section, still with the names of the set. */
function textOf(
  { phase, noOwner, noAcl }: SchemaOrder,
  { entries, choice }: Copies,
  job: RestoreJob,
  file: string,
  { signal }: ShipperDeps,
): Promise<string> {
  const made = new Set(choice.made);
  const list = useList(listedIn(entries, phase, (entry) => made.has(entry)));
  return schemaText(job.target, file, {
    section: phase,
    noOwner,
    noAcl: noAcl === true,
    signal,
    list,
  });
}

/** An object that the server may reject, such as a key to a table whose rows have changed. */
async function tryRenamed(
  session: Session,
  entry: ArchiveEntry,
  { choice, names }: Copies,
  { order, job, file, deps }: { order: PostData; job: RestoreJob; file: string; deps: ShipperDeps },
): Promise<ProblemList> {
  if (REMARKS.includes(entry.kind)) return NO_PROBLEMS;
  const remarks = choice.tried.filter(
    ({ kind, dependsOn }) => REMARKS.includes(kind) && dependsOn.includes(entry.id),
  );
  const { noOwner, noAcl } = order;
  const { signal } = deps;
  const list = useList([entry, ...remarks]);
  const text = await schemaText(job.target, file, {
    noOwner,
    noAcl: noAcl === true,
    signal,
    list,
  });
  await session.query('SAVEPOINT tried');
  try {
    await runRenamed(session, text, names, { isFirst: false, isNewDatabase: false });
    await session.query('RELEASE tried');
    return NO_PROBLEMS;
  } catch (error) {
    signal.throwIfAborted();
    await session.query('ROLLBACK TO tried');
    return { problems: [rejected(entry, names, error)], problemsTotal: 1 };
  }
}

/** As the comparison of schema objects would report it, so that it is listed once. */
function rejected(entry: ArchiveEntry, names: MadeNames, error: unknown): Problem {
  const copy = renamedObject(entry, names);
  const { kind, schema, name = '' } = copy;
  const { message, ...caused } = causedBy(asStowageError(error));
  return {
    code: 'object-not-made',
    ...caused,
    schemaObject: mainObjectOf(copy)?.entry ?? { kind, schema, name },
    message: `${describeEntry(copy)}: ${message}`,
  };
}

/** Sets the sequences that the restore has made. */
async function setRenamedSequences(
  order: PostData,
  { names }: Copies,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<void> {
  const lists = await storedSequences(order, deps);
  if (lists.length === 0) return;
  const renamed = lists.map((list) =>
    list.flatMap((value) => {
      const name = names.newName(value.schema, value.name);
      return name === undefined ? [] : [{ ...value, ...name }];
    }),
  );
  await inSession(order, job, deps, async (session) =>
    setSequences(session, await mergedSequences(session, renamed)),
  );
}

async function refreshRenamed(
  order: PostData,
  { names, choice }: Copies,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<ProblemList> {
  const views = order.refresh.flatMap(({ schema, name }) => {
    const isMade = choice.made.some(
      (entry) =>
        entry.kind === 'MATERIALIZED VIEW' && entry.schema === schema && entry.name === name,
    );
    return isMade ? [names.newName(schema, name) ?? { schema, name }] : [];
  });
  let stale = NO_PROBLEMS;
  if (views.length > 0)
    await inSession(order, job, deps, async (session) => {
      stale = staleViews(await refreshViews(session, views), job.content);
    });
  return stale;
}
