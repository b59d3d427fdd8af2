import { createHash } from 'node:crypto';
import type { Problem } from '../../../backup-set/base/verdict.ts';
import type { ManifestPart } from '../../../backup-set/documents/manifest.ts';
import type { RestoreRequest } from '../../../backup-set/documents/restore/restore.ts';
import { fileOf, namesIn } from '../../../backup-set/restore/order-bodies.ts';
import { chosenRelations, isWhole } from '../../../backup-set/restore/plan.ts';
import { describeEntry } from '../../../database/objects/choice/entries.ts';
import { type ArchiveObject, archiveObject } from '../../../database/objects/expected.ts';
import type { TocEntry } from '../../../database/objects/toc.ts';
import { checkedEntries } from '../objects/archive.ts';
import { plannedObjects } from '../objects/chosen.ts';
import { madeBy } from '../objects/made.ts';
import type { TargetCheck } from '../target-check/target-check.ts';
import { requirePart } from './parts.ts';

/** How the definitions of contents differ that go into one server. */
export interface Differences {
  /** Why the restore cannot begin. */
  readonly reasons: readonly Problem[];
  /** What the server gets from the first content, or not at all: harmless, or allowed. */
  readonly accepted: readonly Problem[];
}

/** Texts of one object; the tag of an overloaded function has its arguments, that of a cast not. */
interface Definition {
  readonly label: string;
  readonly schemaObject: NonNullable<Problem['schemaObject']>;
  readonly isSequence: boolean;
  /** Digests of definitions and owners, sorted. */
  readonly whole: readonly string[];
  /** The same without what may differ between sequences that are merged. */
  readonly essential: readonly string[];
}

/** Entries of an archive that are no objects. */
const NO_OBJECTS: ReadonlySet<string> = new Set(['ENCODING', 'STDSTRINGS', 'SEARCHPATH']);

/**
 * Compares the schema archives of the contents that go into one server with that of the first one,
 * as far as the restore makes their objects.
 */
export async function compareDefinitions(
  check: TargetCheck,
  from: readonly number[],
): Promise<Differences> {
  const [first, ...others] = from;
  const reasons: Problem[] = [];
  const accepted: Problem[] = [];
  if (first === undefined || others.length === 0) return { reasons, accepted };
  const base = await definitionsOf(check, first);
  for (const content of others) {
    const own = await definitionsOf(check, content);
    for (const [key, definition] of own) {
      const same = base.get(key);
      const found = differenceOf(definition, same, { first, content });
      if (found === undefined) continue;
      const isAllowed = found.isHarmless || check.request.allowMissing === true;
      (isAllowed ? accepted : reasons).push(found.problem);
    }
    for (const [key, { label, schemaObject }] of base)
      if (!own.has(key))
        accepted.push({
          code: 'target-refused',
          content,
          schemaObject,
          message: `${label} is on content ${first}, and not on content ${content}`,
        });
  }
  return { reasons, accepted };
}

/** What is different on a content, and whether it matters. */
function differenceOf(
  { label, schemaObject, isSequence, whole, essential }: Definition,
  same: Definition | undefined,
  { first, content }: { readonly first: number; readonly content: number },
): { readonly problem: Problem; readonly isHarmless: boolean } | undefined {
  const problem = (what: string): Problem => ({
    code: 'target-refused',
    content,
    schemaObject,
    message: `${label} ${what}`,
  });
  if (same === undefined)
    return {
      isHarmless: false,
      problem: problem(
        `is on content ${content}, and not on content ${first}, which gives their server its definitions. Name content ${content} first in its rule, restore it into another server, or accept the loss with --allow-missing`,
      ),
    };
  if (same.whole.join() === whole.join()) return undefined;
  if (isSequence && same.essential.join() === essential.join())
    return {
      isHarmless: true,
      problem: problem(
        `starts or counts otherwise on content ${content}: it gets the definition of content ${first}, and the value that is furthest`,
      ),
    };
  return {
    isHarmless: false,
    problem: problem(
      `differs between contents ${first} and ${content}, which go into one server. Restore them into two servers, or accept that of content ${first} with --allow-missing`,
    ),
  };
}

/** The definitions that a restore would make of the archive of one content. */
async function definitionsOf(
  check: TargetCheck,
  content: number,
): Promise<ReadonlyMap<string, Definition>> {
  const { context, store, request } = check;
  const part = await requirePart(check, content);
  const archive = fileOf(part, 'schema.dump');
  const found = new Map<string, Definition>();
  if (archive === undefined) return found;
  const digests = new Map<ArchiveObject, Pick<Definition, 'whole' | 'essential'>>();
  for await (const entry of checkedEntries(store, archive, context))
    if (isMade(entry, request)) digests.set(archiveObject(entry), digestsOf(entry, request));
  const objects = [...digests.keys()];
  const made = madeBy(request, objects);
  for (const object of plannedObjects(objects, wantedOf(check, part)).filter(made)) {
    const { kind, schema, name = '' } = object;
    const key = JSON.stringify([kind, schema, name]);
    const before = found.get(key);
    const own = digests.get(object);
    found.set(key, {
      label: describeEntry(object),
      schemaObject: { kind, schema, name },
      isSequence: kind === 'SEQUENCE',
      whole: [...(before?.whole ?? []), ...(own?.whole ?? [])].sort(),
      essential: [...(before?.essential ?? []), ...(own?.essential ?? [])].sort(),
    });
  }
  return found;
}

/** Properties of the database are made with `create` only. */
function isMade({ kind, name = '', section }: TocEntry, { mode }: RestoreRequest): boolean {
  if (NO_OBJECTS.has(kind) || section === 'data') return false;
  const isOfDatabase = kind.startsWith('DATABASE') || name.startsWith('DATABASE ');
  return mode === 'create' || !isOfDatabase;
}

function wantedOf({ request, manifest }: TargetCheck, part: ManifestPart) {
  if (isWhole(request)) return undefined;
  return { only: namesIn(part, chosenRelations(request, manifest)), selection: request.selection };
}

/** Shards often count in turns: content 1 of 4 starts with 1 and counts in steps of 4. */
const COUNTING = /\b(START WITH|INCREMENT BY) (-?)\d+/g;

function digestsOf(
  { definition, owner, kind }: TocEntry,
  { noOwner }: RestoreRequest,
): Pick<Definition, 'whole' | 'essential'> {
  const digest = (text: string) =>
    createHash('sha256')
      .update(`${noOwner ? '' : owner}\n${text}`)
      .digest('base64url');
  const text = definition();
  const essential = kind === 'SEQUENCE' ? text.replace(COUNTING, withoutNumber) : text;
  return { whole: [digest(text)], essential: [digest(essential)] };
}

/** A sequence that counts down stays one. */
const withoutNumber = (_: string, word: string, sign: string) =>
  word === 'INCREMENT BY' ? `${word} ${sign}` : word;
