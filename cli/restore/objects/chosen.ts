import type { QualifiedName } from '../../../backup-set/base/selection.ts';
import { count } from '../../../backup-set/base/words.ts';
import type { OrderOf, RestoreRequest } from '../../../backup-set/documents/restore/restore.ts';
import { restores } from '../../../backup-set/restore/sections.ts';
import { type Choice, chooseEntries } from '../../../database/objects/choice/choose.ts';
import { describeEntry } from '../../../database/objects/choice/entries.ts';
import { EMPTY_TARGET, lookInTarget } from '../../../database/objects/choice/in-target.ts';
import { REMARKS } from '../../../database/objects/choice/kinds.ts';
import { tablesWithParts } from '../../../database/objects/choice/truncated.ts';
import type { ArchiveObject } from '../../../database/objects/expected.ts';
import { chooseCopies } from '../../../database/rename/choice.ts';
import { renamedObjects } from '../../../database/rename/objects.ts';
import type { Session } from '../../../database/session/session.ts';
import { MARK_SCHEMA } from '../../../database/target/unfinished/mark.ts';
import type { Context } from '../../context.ts';
import { printable } from '../../output/format.ts';
import { madeBy } from './made.ts';

/** Names in a text; --json has all. */
const SHOWN = 8;

/** What was restored beside the chosen objects, or not restored because it was there. */
export interface BesideChosen {
  readonly broughtBack: Set<string>;
  readonly kept: Set<string>;
  readonly withoutRows: Set<string>;
}

export const nothingBeside = (): BesideChosen => ({
  broughtBack: new Set(),
  kept: new Set(),
  withoutRows: new Set(),
});

/** What a restore makes in a target that has nothing. */
export function plannedObjects(
  objects: readonly ArchiveObject[],
  order: Pick<OrderOf<'post-data'>, 'only' | 'selection'> | undefined,
): readonly ArchiveObject[] {
  if (order?.only === undefined) return objects;
  const wanted = { only: order.only, selection: order.selection };
  const { made, tried } = chooseEntries(objects, wanted, () => false);
  return [...made, ...tried];
}

/**
 * The objects that must exist after a restore, and what it did beside the chosen ones. It chooses
 * as the shipper has done, from the same archive and target.
 * @param order the post-data order of the content.
 * @param loaded the relations that the restore loads, and the partition roots of these.
 */
export async function expectedObjects(
  session: Session,
  objects: readonly ArchiveObject[],
  request: Pick<RestoreRequest, 'mode' | 'sections' | 'noAcl'>,
  order: Pick<OrderOf<'post-data'>, 'only' | 'selection' | 'into'> | undefined,
  loaded: readonly QualifiedName[],
  beside: BesideChosen,
): Promise<readonly ArchiveObject[]> {
  const { mode } = request;
  const only = order?.only;
  const isMade = madeBy(request, objects);
  if (mode === 'truncate') return tablesWithParts(objects, loaded, only).filter(isMade);
  if (only === undefined) return objects.filter(isMade);
  const wanted = { only, selection: order?.selection };
  const target =
    mode === 'create' ? EMPTY_TARGET : await lookInTarget(session, objects, wanted, MARK_SCHEMA);
  const into = order?.into;
  const choice =
    into === undefined
      ? chooseEntries(objects, wanted, target.existed)
      : chooseCopies(objects, wanted, into, target.existed);
  // The shipper tries objects of both sections at the end of post-data.
  const tried = restores(request, 'post-data') ? choice.tried : [];
  note({ ...choice, brought: choice.brought.filter((entry) => tried.includes(entry)) }, beside);
  // The shipper lists an object that the server rejected, but not the remarks on it.
  const made = [
    ...choice.made.filter(isMade),
    ...tried.filter(({ kind }) => !REMARKS.includes(kind)),
  ];
  return into === undefined ? made : renamedObjects(made, into);
}

function note(
  { brought, kept, withoutRows }: Choice<ArchiveObject>,
  { broughtBack, kept: keptNames, withoutRows: emptyNames }: BesideChosen,
): void {
  for (const entry of brought) broughtBack.add(describeEntry(entry));
  for (const entry of kept) keptNames.add(describeEntry(entry));
  for (const entry of withoutRows) emptyNames.add(describeEntry(entry));
}

/** @param missing labels of objects that the target lacks. */
export function noteBeside(
  { output }: Context,
  { broughtBack, kept, withoutRows }: BesideChosen,
  missing: ReadonlySet<string>,
): void {
  const say = (event: string, names: readonly string[], text: string) => {
    if (names.length > 0) output.note(event, { objects: names }, `${text}: ${shown(names)}`);
  };
  const back = [...broughtBack].filter((name) => !missing.has(name));
  say('brought-back', back, 'also restored, because it depends on chosen objects');
  say('kept', [...kept], 'was in the target before, and was left as it is');
  say(
    'without-rows',
    [...withoutRows],
    'created without rows, because a chosen table needs its definition',
  );
}

function shown(names: readonly string[]): string {
  const more = names.length > SHOWN ? ` and ${count(names.length - SHOWN)} more` : '';
  return `${names.slice(0, SHOWN).map(printable).join(', ')}${more}`;
}
