import { FORMAT_VERSION } from '../base/document.ts';
import type { ManifestPart } from '../documents/manifest.ts';
import { idsOf, type Ranges, type Relation } from '../documents/plan.ts';
import type { WitnessedRelation, Witnesses } from '../documents/witnesses.ts';
import { type ContentWitness, type RelationWitness, witnessDifference } from './kinds.ts';
import { allRanges, changedRanges, rangesIn, unreadRanges } from './ranges.ts';
import type { Reason } from './reasons.ts';
import { isReadAgain } from './reread.ts';

/** What the barrier saw of one content: per relation a witness, or why there is none. */
export interface SeenContent {
  readonly content: ContentWitness;
  readonly relations: ReadonlyMap<number, RelationWitness | Reason>;
}

/** Rows, and their bytes in COPY text. */
export interface Volume {
  readonly rows: number;
  readonly bytes: number;
}

/** What a decision needs of the base's part of a content. */
export type BaseContent = Pick<ManifestPart, 'witness' | 'relations'> & {
  /** Per relation that the base has in ranges of blocks, what each range has. */
  readonly volumes?: ReadonlyMap<number, ReadonlyMap<number, Volume>>;
};

/** Rows of the base that are not read. */
export type UnreadRelation = Pick<
  ManifestPart['relations'][number],
  'relation' | 'rows' | 'bytes' | 'rowFormat'
>;

/** What is read of a relation, in ranges of blocks. */
export interface RangedRelation {
  readonly relation: number;
  readonly blocks: number;
  readonly count: number;
  readonly read: Ranges;
  /** The rows of the other ranges, which are those of the base. Absent = all are read. */
  readonly unread?: Volume;
}

export interface Terms {
  /** Absent = there is no base, or its rows must not be used. */
  readonly base: BaseContent | undefined;
  readonly now: Date;
  /** 0 = every relation is read. */
  readonly rereadAfterMs: number;
}

/** What to do with the relations of one content. */
export interface Decided {
  readonly unread: readonly UnreadRelation[];
  /** Relations that are read by ranges of blocks. */
  readonly ranged: readonly RangedRelation[];
  /** Per relation that is read, why. */
  readonly reasons: ReadonlyMap<number, Reason>;
  /** witnesses/<content>.json. */
  document(timestamp: string, content: number): Witnesses;
}

/** Decides relation by relation: its rows are carried from the base, or read. Pure. */
export function decide(
  seen: SeenContent,
  relations: readonly Pick<Relation, 'id' | 'schema' | 'name' | 'condition' | 'baseRelation'>[],
  { base, now, rereadAfterMs }: Terms,
): Decided {
  const inBase = new Map(base?.relations.map((relation) => [relation.relation, relation]));
  const unread: UnreadRelation[] = [];
  const ranged: RangedRelation[] = [];
  const reasons = new Map<number, Reason>();
  const entries: (Omit<WitnessedRelation, 'readAt'> & { readonly readAt?: string })[] = [];
  for (const { id, baseRelation, condition, ...name } of relations) {
    const witness =
      condition === undefined ? (seen.relations.get(id) ?? 'no-witness') : 'condition';
    if (typeof witness === 'string') {
      reasons.set(id, witness);
      continue;
    }
    const before = baseRelation === undefined ? undefined : inBase.get(baseRelation);
    const changed = whyRead(seen.content, witness, base, before);
    const isDue = isReadAgain(before?.readAt, { now, rereadAfterMs, name });
    const reason = changed ?? (isDue ? 'reread-due' : undefined);
    if (reason !== undefined || before?.readAt === undefined) {
      reasons.set(id, reason ?? 'base-without-witness');
      const part = reason === 'changed' && !isDue ? changedRanges(before, witness) : undefined;
      const [ranges, read] = [rangesIn(witness), part ?? allRanges(witness)];
      entries.push({
        ...{ relation: id, witness },
        ...(read && { readRanges: read }),
        ...(part && before?.readAt !== undefined && { readAt: before.readAt }),
      });
      if (read === undefined || ranges === undefined) continue;
      const { blocks, count } = ranges;
      const unread = part && sumOf(base?.volumes?.get(baseRelation ?? -1), part);
      ranged.push({ relation: id, blocks, count, read, ...(unread && { unread }) });
      continue;
    }
    const { rows, bytes, rowFormat, readAt } = before;
    unread.push({ relation: id, rows, bytes, ...(rowFormat && { rowFormat }) });
    const readRanges = unreadRanges(before, witness);
    entries.push({
      ...{ relation: id, witness, readAt, carried: true },
      ...(readRanges && { readRanges }),
    });
  }
  return {
    unread,
    ranged,
    reasons,
    document: (timestamp, content) => ({
      format: 'stowage/witnesses',
      version: FORMAT_VERSION,
      timestamp,
      content,
      ...seen.content,
      relations: entries.map(({ readAt = timestamp, ...entry }) => ({ ...entry, readAt })),
    }),
  };
}

/** The sum over the ranges that are not read. */
function sumOf(volumes: ReadonlyMap<number, Volume> | undefined, read: Ranges): Volume {
  const ranges = new Set(idsOf(read));
  const total = { rows: 0, bytes: 0 };
  for (const [range, { rows, bytes }] of volumes ?? []) {
    if (ranges.has(range)) continue;
    total.rows += rows;
    total.bytes += bytes;
  }
  return total;
}

function whyRead(
  content: ContentWitness,
  witness: RelationWitness,
  base: BaseContent | undefined,
  before: BaseContent['relations'][number] | undefined,
): Reason | undefined {
  if (base === undefined) return 'full';
  if (before === undefined) return 'not-in-base';
  if (base.witness === undefined || before.witness === undefined) return 'base-without-witness';
  return witnessDifference(
    { content: base.witness, witness: before.witness },
    { content, witness },
  );
}

/** How often each reason occurs, the most frequent first. */
export function countReasons(reasons: Iterable<Reason>): { reason: Reason; tables: number }[] {
  const counts = Map.groupBy(reasons, (reason) => reason);
  return [...counts]
    .map(([reason, all]) => ({ reason, tables: all.length }))
    .sort((a, b) => b.tables - a.tables || (a.reason < b.reason ? -1 : 1));
}
