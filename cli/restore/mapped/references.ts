import { createHash } from 'node:crypto';
import { StowageError } from '../../../backup-set/base/errors.ts';
import {
  EVERYTHING,
  type QualifiedName,
  selector,
  unmatchedIncludes,
} from '../../../backup-set/base/selection.ts';
import { plural } from '../../../backup-set/base/words.ts';
import type { ManifestPart, ManifestRelation } from '../../../backup-set/documents/manifest.ts';
import type { MapRule, Reference } from '../../../backup-set/documents/restore/map.ts';
import type {
  RestoreRequest,
  SourceExtent,
} from '../../../backup-set/documents/restore/restore.ts';
import { fileOf } from '../../../backup-set/restore/order-bodies.ts';
import { loadedRelations } from '../../../backup-set/restore/plan.ts';
import { madeKey } from '../../../database/objects/keys.ts';
import { opensFor } from '../../../segment-shipper/read/opens.ts';
import { rowsOf } from '../../../segment-shipper/read/rows-of.ts';
import { checkedEntries } from '../objects/archive.ts';
import { type PartSource, requirePart } from './parts.ts';
import { sumOfRows } from './row-sums.ts';

/** The rows of a table on one content. */
interface Copy {
  readonly content: number;
  readonly rows: number;
  readonly bytes: number;
  /** Of the digests of all its frames; undefined: a frame has none. */
  readonly digest: string | undefined;
}

interface Candidate {
  readonly relation: ManifestRelation;
  readonly copies: Copy[];
}

/** Tables with equal rows on several contents that go into one server. */
export interface EqualTables {
  /** One copy of these is loaded. */
  readonly references: readonly Reference[];
  /** All copies of these are loaded: equal rows without a key can be different things. */
  readonly loadedFromEach: readonly QualifiedName[];
}

interface Look extends PartSource {
  readonly request: RestoreRequest & { readonly map: readonly MapRule[] };
}

/**
 * Finds the tables whose rows are equal on all contents that have them.
 * @param patterns the tables that the user names.
 * @throws StowageError `restore/refused` when the rows of a named table differ.
 */
export async function findEqualTables(
  look: Look,
  patterns: readonly string[],
): Promise<EqualTables> {
  const chosen = loadedRelations(look.request, look.manifest);
  const selects = selector({ ...EVERYTHING, includeTables: [...patterns] });
  requireMatches(patterns, [...chosen.values()]);
  const isNamed = (relation: ManifestRelation) =>
    patterns.length > 0 && selects(relation, relation.partitionRoot);
  const candidates = await candidatesIn(look, chosen, isNamed);
  const references: Reference[] = [];
  const equal: Candidate[] = [];
  for (const candidate of candidates) {
    const { relation } = candidate;
    if (isNamed(relation)) {
      await requireEqual(look, candidate);
      references.push({ ...nameOf(relation), why: 'named' });
    } else if ((await differenceIn(look, candidate)) === undefined) equal.push(candidate);
  }
  const withKey = equal.length === 0 ? () => false : await primaryKeys(look);
  const keyed = equal.filter(withKey).map(({ relation }) => nameOf(relation));
  return {
    references: [...references, ...keyed.map((name) => ({ ...name, why: 'primary-key' as const }))],
    loadedFromEach: equal.filter((one) => !withKey(one)).map(({ relation }) => nameOf(relation)),
  };
}

function requireMatches(patterns: readonly string[], relations: readonly ManifestRelation[]): void {
  const [unmatched] = unmatchedIncludes({ ...EVERYTHING, includeTables: [...patterns] }, relations);
  if (unmatched === undefined) return;
  const message = `--reference: ${JSON.stringify(unmatched)} matches no chosen table of the set: check its spelling`;
  throw new StowageError('restore/refused', message, { where: { field: 'reference' } });
}

/** The tables with rows on several contents of one rule that are named, or equal everywhere. */
async function candidatesIn(
  look: Look,
  chosen: ReadonlyMap<number, ManifestRelation>,
  isNamed: (relation: ManifestRelation) => boolean,
): Promise<Candidate[]> {
  const { map } = look.request;
  const found = new Map<number, Candidate>();
  /** Most tables: nothing more is kept of them. */
  const differing = new Set<number>();
  for (const content of map.flatMap(({ from }) => from)) {
    const part = await requirePart(look, content);
    const digests = digestsIn(part, (id) => chosen.has(id) && !differing.has(id));
    for (const { relation: id, rows, bytes } of part.relations) {
      const relation = chosen.get(id);
      if (relation === undefined || relation.totals.rows === 0 || differing.has(id)) continue;
      const candidate = found.get(id) ?? { relation, copies: [] };
      found.set(id, candidate);
      const digest = hasDigests(look) ? digestOf(digests.get(id) ?? []) : undefined;
      candidate.copies.push({ content, rows, bytes, digest });
      if (mayBeEqual(look, candidate.copies) || isNamed(relation)) continue;
      differing.add(id);
      found.delete(id);
    }
  }
  const isMerged = ({ copies }: Candidate) =>
    map.some(({ from }) => copies.filter(({ content }) => from.includes(content)).length > 1);
  return [...found.values()].filter(isMerged);
}

/** The digests of the frames of wanted relations. */
function digestsIn({ packs }: ManifestPart, isWanted: (relation: number) => boolean) {
  const digests = new Map<number, (string | undefined)[]>();
  for (const { extents } of packs)
    for (const { relation, digest } of extents) {
      if (!isWanted(relation)) continue;
      const list = digests.get(relation) ?? [];
      digests.set(relation, list);
      list.push(digest);
    }
  return digests;
}

/** Equal exactly when the frames are the same, in any order. */
function digestOf(digests: readonly (string | undefined)[]): string | undefined {
  if (digests.includes(undefined)) return undefined;
  return createHash('sha256').update(digests.toSorted().join()).digest('base64url');
}

function areEqual(copies: readonly Copy[]): boolean {
  const [first] = copies;
  const isSame = ({ rows, bytes, digest }: Copy) =>
    rows === first?.rows && bytes === first.bytes && digest === first.digest;
  return first?.digest !== undefined && copies.every(isSame);
}

/** Each content of an encrypted set has a digest key of its own: only rows can be compared. */
const hasDigests = ({ manifest }: Look) => manifest.encryption === undefined;

function mayBeEqual(look: Look, copies: readonly Copy[]): boolean {
  if (hasDigests(look)) return areEqual(copies);
  const [first] = copies;
  return copies.every(({ rows, bytes }) => rows === first?.rows && bytes === first.bytes);
}

/** @throws StowageError `restore/refused` when the rows of a named table differ. */
async function requireEqual(look: Look, candidate: Candidate): Promise<void> {
  const why = await differenceIn(look, candidate);
  if (why === undefined) return;
  const { schema, name } = candidate.relation;
  const message = `--reference: the rows of ${schema}.${name} are not equal on all contents: ${why}. Leave out --reference, or the table with --exclude-table`;
  const where = { field: 'reference', relation: `${schema}.${name}` };
  throw new StowageError('restore/refused', message, { where });
}

/**
 * How the copies of a table differ; undefined = they are equal. The rows themselves are compared
 * when they are in another order, or the digests of contents cannot be compared.
 */
async function differenceIn(
  look: Look,
  { relation, copies }: Candidate,
): Promise<string | undefined> {
  if (areEqual(copies)) return undefined;
  const [first, ...others] = copies;
  const other = others.find(({ rows, bytes }) => rows !== first?.rows || bytes !== first.bytes);
  if (first !== undefined && other !== undefined) return `${textOf(first)}, ${textOf(other)}`;
  const { schema, name } = relation;
  look.context.output.note(
    'comparing-rows',
    { relation: { schema, name } },
    `comparing the rows of ${schema}.${name} on ${plural(copies.length, 'content')}`,
  );
  const wanted = first && (await sumOf(look, relation, first.content));
  for (const { content } of others) {
    const sum = await sumOf(look, relation, content);
    if (sum === undefined || wanted === undefined)
      return 'they are in COPY BINARY, and their digests cannot be compared';
    if (sum !== wanted) return `content ${content} has other rows than content ${first?.content}`;
  }
  return undefined;
}

const textOf = ({ content, rows, bytes }: Copy) =>
  `content ${content} has ${plural(rows, 'row')} of ${plural(bytes, 'byte')}`;

/** Undefined: rows in COPY BINARY cannot be compared. */
async function sumOf(
  look: Look,
  { id, schema, name }: ManifestRelation,
  content: number,
): Promise<string | undefined> {
  const { packs } = await requirePart(look, content);
  const extents: SourceExtent[] = packs.flatMap(({ key, extents: all }) =>
    all.flatMap(({ relation, digest: _, ...extent }) =>
      relation === id ? [{ key, ...extent }] : [],
    ),
  );
  if (extents.some(({ rowFormat }) => rowFormat !== undefined)) return undefined;
  const { signal, keys } = look.context;
  const options = { signal, ...opensFor(keys, { schema, name }) };
  const { rows, sum } = await sumOfRows(rowsOf(look.store, extents, options));
  return `${rows} ${sum}`;
}

/** Tells which tables have a primary key wherever copies of them meet. */
async function primaryKeys(look: Look): Promise<(candidate: Candidate) => boolean> {
  const rules = look.request.map.filter(({ from }) => from.length > 1);
  const keysOf = new Map<MapRule, ReadonlySet<string>>();
  for (const rule of rules) {
    const keys = new Set<string>();
    const [first] = rule.from;
    const part = first === undefined ? undefined : await requirePart(look, first);
    const archive = part && fileOf(part, 'schema.dump');
    if (archive !== undefined)
      for await (const entry of checkedEntries(look.store, archive, look.context)) {
        const key = madeKey(entry);
        if (key?.isPrimary === true) keys.add(textOfName(key.table));
      }
    keysOf.set(rule, keys);
  }
  return ({ relation, copies }) =>
    rules
      .filter(({ from }) => copies.filter(({ content }) => from.includes(content)).length > 1)
      .every((rule) => keysOf.get(rule)?.has(textOfName(relation)) === true);
}

const nameOf = ({ schema, name }: QualifiedName) => ({ schema, name });
const textOfName = ({ schema, name }: QualifiedName) => JSON.stringify([schema, name]);
