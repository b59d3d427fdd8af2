import { eachInFlight } from '../../../async/each-in-flight.ts';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { describeProblem } from '../../../backup-set/base/verdict.ts';
import { count, plural } from '../../../backup-set/base/words.ts';
import { definedBy } from '../../../backup-set/restore/mapped/map.ts';
import { intoOf } from '../../../backup-set/restore/names/into.ts';
import { fileOf } from '../../../backup-set/restore/order-bodies.ts';
import { chosenRelations } from '../../../backup-set/restore/plan.ts';
import { archiveEntry, describeEntry } from '../../../database/objects/choice/entries.ts';
import { mentionsSchema } from '../../../database/rename/mentions.ts';
import { readPart } from '../../../functions/stored/read-part.ts';
import { printable } from '../../output/format.ts';
import { functionDeps } from '../../wait-for-functions.ts';
import { changedSegments } from '../expected.ts';
import type { RestoreRun } from '../run.ts';
import { checkedEntries } from './archive.ts';

const SEGMENTS_AT_ONCE = 4;
/** Names in a text; --json has all. */
const SHOWN = 8;

/**
 * Says before the restore begins which objects of a schema that gets another name will still use
 * the original: the restore changes no body of a function.
 * @returns their names.
 */
export async function noteMentions(
  run: Omit<RestoreRun, 'plan' | 'isSmall' | 'manifestSha256'>,
): Promise<readonly string[]> {
  const { context, store, request, manifest, segments } = run;
  const into = intoOf(request, chosenRelations(request, manifest).values());
  if (into === undefined || 'table' in into || request.resumes !== undefined) return [];
  const found = new Set<string>();
  const changed = changedSegments(manifest.flavour, segments);
  await eachInFlight(changed, SEGMENTS_AT_ONCE, async ({ content }) => {
    const part = await readPart(
      functionDeps(context, store),
      manifest,
      definedBy(request, content),
    );
    if (!part.ok) throw new StowageError('set/damaged', describeProblem(part.failure));
    const archive = fileOf(part.value, 'schema.dump');
    if (archive === undefined) return;
    for await (const entry of checkedEntries(store, archive, context))
      if (entry.schema === into.from && mentionsSchema(entry, into.from))
        found.add(describeEntry(archiveEntry(entry)));
  });
  const names = [...found].sort();
  if (names.length === 0) return names;
  const shown = names.slice(0, SHOWN).map(printable).join(', ');
  const rest = names.length > SHOWN ? ` and ${count(names.length - SHOWN)} more` : '';
  context.output.note(
    'uses-original',
    { objects: names },
    `${plural(names.length, 'object')} of schema ${into.from} will still use it after the restore as ${into.schema}, because the bodies of functions and other texts are not changed: ${shown}${rest}`,
  );
  return names;
}
