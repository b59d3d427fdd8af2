import { StowageError } from '../../../backup-set/base/errors.ts';
import type { Problem } from '../../../backup-set/base/verdict.ts';
import type { Manifest } from '../../../backup-set/documents/manifest.ts';
import { type TableNumbers, tableKey, tablesOf } from '../../../backup-set/numbers/tables.ts';
import type { Deps } from '../../deps.ts';
import { readManifest } from '../manifests.ts';
import { type Absence, absencesIn, byName, type SetTables } from '../tables.ts';
import { type DefinitionChange, definitionChanges, definitionsOf } from './definitions.ts';
import { hasSameFrameSize } from './frame-size.ts';
import { hasSameDigestKey, type RowDigests, rowDigests } from './row-digests.ts';

/** What a difference says about one of its sets. */
export type DiffedSet = Pick<
  Manifest,
  'timestamp' | 'cluster' | 'database' | 'flavour' | 'totals' | 'selection'
> & { readonly takenAt: string };

/** A table that one of the sets has, and why the other has none. */
export type LoneTable = TableNumbers & { readonly other: Absence };

type Volume = Pick<TableNumbers, 'rows' | 'bytes' | 'storedBytes' | 'leaves'>;

/** A table that both sets have. */
export interface ComparedTable {
  readonly schema: string;
  readonly name: string;
  readonly kind: TableNumbers['kind'];
  readonly root?: TableNumbers['root'];
  readonly was: Volume;
  readonly is: Volume;
  /**
   * `same`: the same frames, in any order. `differ`: rows, or their order, differ. `unknown`: the
   * numbers are equal, and the digests were not compared or do not tell.
   */
  readonly rows: 'same' | 'differ' | 'unknown';
  readonly definition: readonly DefinitionChange[];
}

/** The difference between two sets, ordered by name. */
export interface SetDiff {
  readonly from: DiffedSet;
  readonly to: DiffedSet;
  readonly added: readonly LoneTable[];
  readonly dropped: readonly LoneTable[];
  readonly changed: readonly ComparedTable[];
  /** The numbers and definitions are equal; digests were not compared or do not tell. */
  readonly unknown: readonly ComparedTable[];
  /** Tables with the same rows and the same definition. */
  readonly same: number;
  /** Parts of manifests that could not be read: their tables count as unknown. */
  readonly unreadable: readonly Problem[];
}

/**
 * Compares two sets by their manifests. With `digests`, tables with equal numbers are compared by
 * the digests of their frames, for which all parts of both manifests are read, one at a time.
 */
export async function diffSets(
  deps: Deps,
  [from, to]: readonly [string, string],
  { digests }: { readonly digests: boolean },
): Promise<SetDiff> {
  const [before, after] = [await required(deps, from), await required(deps, to)];
  const pairs = pairsOf(before, after);
  const equal = new Set(pairs.filter(isEqualInNumbers).map(({ key }) => key));
  const both = digests && equal.size > 0 && isSameCut(before, after);
  const was = both ? await rowDigests(deps, before, equal) : NO_DIGESTS;
  const is = both ? await rowDigests(deps, after, equal) : NO_DIGESTS;
  const isTelling =
    both && hasSameDigestKey(before, after) && (await hasSameFrameSize(deps, [from, to]));
  return diffOf(before, after, pairs, { was, is, isTelling });
}

const NO_DIGESTS: RowDigests = { digests: new Map(), uncertain: new Set(), unreadable: [] };

/** Rows of other contents are other frames: digests tell only where the segments are the same. */
function isSameCut(before: Manifest, after: Manifest): boolean {
  const contents = (manifest: Manifest) => manifest.contents.map(({ content }) => content).join();
  return contents(before) === contents(after);
}

/** @throws StowageError `set/not-found`, `set/incomplete`, `set/unreadable`. */
async function required(deps: Deps, timestamp: string): Promise<Manifest> {
  const manifest = await readManifest(deps, timestamp);
  const where = { where: { set: timestamp } };
  if (manifest === undefined)
    throw new StowageError(
      'set/not-found',
      `there is no set ${timestamp} under ${deps.store.url}`,
      where,
    );
  if (!('why' in manifest)) return manifest;
  if (manifest.message !== undefined)
    throw new StowageError('set/unreadable', manifest.message, where);
  throw new StowageError(
    'set/incomplete',
    `set ${timestamp} is ${manifest.why}: it has no manifest, so its tables cannot be compared`,
    where,
  );
}

interface Pair {
  readonly key: string;
  readonly was: TableNumbers | undefined;
  readonly is: TableNumbers | undefined;
}

function pairsOf(before: Manifest, after: Manifest): Pair[] {
  const [old, now] = [tablesOf(before), tablesOf(after)];
  const keys = [...new Set([...old.keys(), ...now.keys()])];
  return keys.map((key) => ({ key, was: old.get(key), is: now.get(key) }));
}

function isEqualInNumbers({ was, is }: Pair): boolean {
  return was?.rows === is?.rows && was?.bytes === is?.bytes && was?.kind === is?.kind;
}

interface BothDigests {
  readonly was: RowDigests;
  readonly is: RowDigests;
  /** Digests that differ are those of other rows, not of the same rows in other frames. */
  readonly isTelling: boolean;
}

function diffOf(
  before: Manifest,
  after: Manifest,
  pairs: readonly Pair[],
  digests: BothDigests,
): SetDiff {
  const definitions = { was: definitionsOf(before), is: definitionsOf(after) };
  const [old, now] = [absencesIn(withoutTables(before)), absencesIn(withoutTables(after))];
  const added: LoneTable[] = [];
  const dropped: LoneTable[] = [];
  const leaves: ComparedTable[] = [];
  const roots: Pair[] = [];
  const compare = (pair: Pair, rows: ComparedTable['rows']) =>
    compared(
      pair,
      rows,
      definitionChanges(definitions.was.get(pair.key) ?? [], definitions.is.get(pair.key) ?? []),
    );
  for (const pair of pairs) {
    const { was, is } = pair;
    if (was === undefined && is !== undefined) added.push({ ...is, other: old(is) });
    else if (is === undefined && was !== undefined) dropped.push({ ...was, other: now(was) });
    else if (is?.kind === 'root' || was?.kind === 'root') roots.push(pair);
    else leaves.push(...compare(pair, rowsOf(pair, digests)));
  }
  const ofLeaves = Map.groupBy(leaves, ({ root }) => root && tableKey(root));
  const tables = [
    ...leaves,
    ...roots.flatMap((pair) => compare(pair, rowsOfRoot(pair, ofLeaves.get(pair.key) ?? []))),
  ].toSorted(byName);
  const isSame = ({ rows, definition }: ComparedTable) =>
    rows === 'same' && definition.length === 0;
  const isUnknown = ({ rows, definition }: ComparedTable) =>
    rows === 'unknown' && definition.length === 0;
  return {
    from: head(before),
    to: head(after),
    added: added.toSorted(byName),
    dropped: dropped.toSorted(byName),
    changed: tables.filter((table) => !isSame(table) && !isUnknown(table)),
    unknown: tables.filter(isUnknown),
    same: tables.filter((table) => isSame(table) && table.kind !== 'root').length,
    unreadable: [...digests.was.unreadable, ...digests.is.unreadable],
  };
}

function compared(
  { was, is }: Pair,
  rows: ComparedTable['rows'],
  definition: readonly DefinitionChange[],
): ComparedTable[] {
  if (was === undefined || is === undefined) return [];
  const { schema, name, kind, root } = is;
  const names = { schema, name, kind, ...(root && { root }) };
  return [{ ...names, was: volumeOf(was), is: volumeOf(is), rows, definition }];
}

function volumeOf({ rows, bytes, storedBytes, leaves }: TableNumbers): Volume {
  return { rows, bytes, storedBytes, ...(leaves !== undefined && { leaves }) };
}

function rowsOf(pair: Pair, { was, is, isTelling }: BothDigests): ComparedTable['rows'] {
  const { key } = pair;
  if (!isEqualInNumbers(pair)) return 'differ';
  if (pair.is?.rows === 0) return 'same';
  const isLacking = was.unreadable.length > 0 || is.unreadable.length > 0;
  const [old, now] = [was.digests.get(key), is.digests.get(key)];
  if (isLacking || old === undefined || now === undefined) return 'unknown';
  if (old === now) return 'same';
  const isUncertain = !isTelling || was.uncertain.has(key) || is.uncertain.has(key);
  return isUncertain ? 'unknown' : 'differ';
}

/** The rows of a root are those of its leaves, and leaves may have been added or dropped. */
function rowsOfRoot(pair: Pair, leaves: readonly ComparedTable[]): ComparedTable['rows'] {
  const { was, is } = pair;
  if (!isEqualInNumbers(pair) || was?.leaves !== is?.leaves) return 'differ';
  if (leaves.length < (is?.leaves ?? 0) || leaves.some(({ rows }) => rows === 'differ'))
    return 'differ';
  return leaves.some(({ rows }) => rows === 'unknown') ? 'unknown' : 'same';
}

function head({ snapshot, ...manifest }: Manifest): DiffedSet {
  const { timestamp, cluster, database, flavour, totals, selection } = manifest;
  return { timestamp, takenAt: snapshot.takenAt, cluster, database, flavour, totals, selection };
}

/** What `absencesIn` reads of a set. */
function withoutTables({ timestamp, snapshot, ...manifest }: Manifest): SetTables {
  const { database, cluster, selection, notShipped } = manifest;
  const { takenAt } = snapshot;
  return { timestamp, takenAt, database, cluster, selection, tables: [], notShipped };
}
