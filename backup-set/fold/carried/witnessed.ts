import type { DocumentIndex } from '../../base/document.ts';
import { formatKey } from '../../base/keys.ts';
import { type Result, success } from '../../base/result.ts';
import type { Problem } from '../../base/verdict.ts';
import type { ManifestPart } from '../../documents/manifest.ts';
import { readPinned } from '../../documents/pinned.ts';
import { idsOf } from '../../documents/plan.ts';
import { type Extent, objectRefShape } from '../../documents/receipt.ts';
import type { SealedRelation } from '../../documents/seal.ts';
import { type WitnessedRelation, Witnesses } from '../../documents/witnesses.ts';
import { isSoundUnder, witnessDifference } from '../../witness/kinds.ts';
import { allRanges, changedRanges, isSame, rangesIn, unreadRanges } from '../../witness/ranges.ts';
import { REASONS } from '../../witness/reasons.ts';
import type { ShippedPack } from '../relations.ts';
import type { Carrying, Numbered } from './base-part.ts';

/** witnesses/<content>.json, if the plan pins it. */
export function readWitnesses(
  { plan: { timestamp }, planned: { content, witnesses } }: Carrying,
  documents: DocumentIndex,
): Result<Witnesses | undefined, Problem> {
  if (witnesses === undefined) return success(undefined);
  const key = formatKey({ kind: 'witnesses', timestamp, content });
  return readPinned(Witnesses, documents.get(key) ?? [], {
    key,
    pin: { sha256: witnesses.sha256, by: 'plan' },
    content,
  });
}

type BaseRelation = ManifestPart['relations'][number];

/**
 * The packs of the base with the rows of the relations that were not read. Seal, witnesses and base
 * must agree, and the rule of the witness must say again that the rows are the same.
 */
export function witnessedPacks(
  carrying: Carrying,
  witnesses: Witnesses | undefined,
  base: Numbered | undefined,
): { readonly packs: readonly ShippedPack[]; readonly problems: readonly Problem[] } {
  const { plan, planned, counts } = carrying;
  const { content } = planned;
  const key = formatKey({ kind: 'witnesses', timestamp: plan.timestamp, content });
  const problems: Problem[] = [];
  const disagree = (relation: number | undefined, message: string) => {
    const named = plan.relations[relation ?? -1];
    const where = named && { relation: { schema: named.schema, name: named.name } };
    problems.push({ code: 'documents-disagree', content, ...where, object: key, message });
  };
  const inBase = new Map(base?.part.relations.map((one) => [one.relation, one]));
  const assigned = new Set(idsOf(planned.relations));
  const entries = new Map<number, WitnessedRelation>();
  const wanted = new Map<number, Wanted>();
  for (const message of serverDifferences(carrying, witnesses)) disagree(undefined, message);
  for (const entry of witnesses?.relations ?? []) {
    const { relation } = entry;
    if (entries.has(relation) || !assigned.has(relation))
      disagree(relation, `relation ${relation} is not one of this content, or is listed twice`);
    entries.set(relation, entry);
    const sealed = counts[relation];
    const { baseRelation } = plan.relations[relation] ?? {};
    const before = baseRelation === undefined ? undefined : inBase.get(baseRelation);
    const message = entryDifference(carrying, { entry, witnesses, sealed, before, base });
    if (message !== undefined) disagree(relation, message);
    else if (sealed && baseRelation !== undefined && hasUnread(entry, sealed, plan.timestamp)) {
      if (wanted.has(baseRelation)) disagree(relation, 'its rows in the base are used twice');
      wanted.set(baseRelation, { sealed, entry });
    }
  }
  for (const sealed of counts) {
    if (sealed?.carried && entries.get(sealed.relation)?.carried === undefined)
      disagree(sealed.relation, 'the seal says "carried", and the witnesses do not');
    if (sealed?.ranges && !entries.has(sealed.relation))
      disagree(sealed.relation, 'the seal counts ranges of blocks, and the witnesses have none');
  }
  if (problems.length > 0 || base === undefined) return { problems, packs: [] };
  const packs = packsOf(base, wanted, (relation) =>
    disagree(relation, 'the base does not say in which range of blocks all of its rows are'),
  );
  return { problems, packs };
}

interface Entry {
  readonly entry: WitnessedRelation;
  readonly witnesses: Witnesses | undefined;
  readonly sealed: SealedRelation | undefined;
  readonly before: BaseRelation | undefined;
  readonly base: Numbered | undefined;
}

/** What contradicts an entry. A relation that the seal does not count is missed elsewhere. */
function entryDifference(
  { plan: { timestamp, snapshot } }: Carrying,
  { entry, witnesses, sealed, before, base }: Entry,
): string | undefined {
  const { readRanges, witness } = entry;
  if (!entry.carried) {
    if (sealed?.carried) return 'the seal says "carried", and the witnesses do not';
    if (!countsRanges(entry, sealed, timestamp))
      return 'the seal counts other ranges of blocks than are read';
    if (entry.readAt === timestamp)
      return readRanges === undefined || isSame(readRanges, allRanges(witness))
        ? undefined
        : 'it is read, and not in all of its ranges of blocks';
    if (readRanges === undefined) return 'it is read, and readAt is of another set';
  }
  if (sealed === undefined) return undefined;
  if (entry.carried && !sealed.carried) return 'the witnesses say "carried", and the seal does not';
  if (!isSoundUnder(entry.witness.kind, snapshot.mechanism))
    return `a witness of kind ${entry.witness.kind} proves nothing under a snapshot by ${snapshot.mechanism}`;
  const content = base?.part.witness;
  if (before?.witness === undefined || content === undefined || witnesses === undefined)
    return 'it is carried, and the base has no witness of it';
  const reason = witnessDifference(
    { content, witness: before.witness },
    { content: witnesses, witness: entry.witness },
  );
  if (entry.readAt !== before.readAt)
    return 'it is carried, and its readAt is not that of the base';
  if (!entry.carried)
    return reason === 'changed' && isSame(readRanges, changedRanges(before, witness))
      ? undefined
      : 'it is carried in part, and its witness does not prove that the rest is the same';
  if (reason !== undefined)
    return `it is carried, and its witness proves nothing: ${REASONS[reason]}`;
  if (!isSame(readRanges, unreadRanges(before, witness)) || sealed.ranges)
    return 'it is carried, and has other ranges of blocks than in the base';
  return sealed.rows === before.rows &&
    sealed.bytes === before.bytes &&
    sealed.rowFormat === before.rowFormat
    ? undefined
    : 'the seal has other numbers of rows and bytes than the base';
}

/**
 * A whole table counts as one: rows too long for COPY text are read again in COPY BINARY, and an
 * earlier program of a shipper knows no ranges.
 */
function countsRanges(
  { readRanges, readAt }: WitnessedRelation,
  sealed: SealedRelation | undefined,
  timestamp: string,
): boolean {
  if (sealed === undefined) return true;
  if (sealed.ranges === undefined)
    return readRanges === undefined || readAt === timestamp || sealed.rowFormat === 'binary';
  return sealed.rowFormat === undefined && isSame(sealed.ranges, readRanges);
}

/** A swapped server would make every comparison with the base meaningless. */
function serverDifferences({ planned }: Carrying, witnesses: Witnesses | undefined): string[] {
  if (witnesses === undefined) return [];
  const kinds = witnesses.sources.map(({ kind }) => kind);
  return [
    ...(planned.systemIdentifier === undefined ||
    planned.systemIdentifier === witnesses.systemIdentifier
      ? []
      : ['the witnesses are of another server than the plan']),
    ...(new Set(kinds).size === kinds.length ? [] : ['the witnesses have a source twice']),
  ];
}

/** Whether rows of this relation are not read: all of them, or those of some ranges. */
const hasUnread = (
  { carried, readAt }: WitnessedRelation,
  { ranges }: SealedRelation,
  timestamp: string,
): boolean => carried === true || (ranges !== undefined && readAt !== timestamp);

/** A relation of which the base has rows that were not read. */
interface Wanted {
  readonly sealed: SealedRelation;
  readonly entry: WitnessedRelation;
}

/**
 * The extents of the base with rows that were not read, under the ids of this set.
 * @param unknown called for a relation with an extent of which the range is not known.
 */
function packsOf(
  { part, isUsed }: Numbered,
  wanted: ReadonlyMap<number, Wanted>,
  unknown: (relation: number) => void,
) {
  const take = new Map([...wanted].map(([id, one]) => [id, takerOf(one)]));
  const packs: ShippedPack[] = [];
  let number = -1;
  for (const pack of part.packs) {
    const byAttempt = new Map<number, Extent[]>();
    for (const extent of pack.extents) {
      number++;
      const sealed = wanted.get(extent.relation)?.sealed;
      const taken = take.get(extent.relation)?.(extent);
      if (taken === 'unknown' && sealed) unknown(sealed.relation);
      if (sealed === undefined || taken === undefined || taken === 'unknown') continue;
      isUsed[number] = 1;
      const extents = byAttempt.get(sealed.attempt) ?? [];
      extents.push({ ...taken, relation: sealed.relation });
      byAttempt.set(sealed.attempt, extents);
    }
    for (const [attempt, extents] of byAttempt)
      packs.push({ attempt, object: objectRefShape(pack), extents });
  }
  return packs;
}

/** Which extents of a relation of the base are used: all, or those of ranges that are not read. */
function takerOf({ entry }: Wanted): (extent: Extent) => Extent | 'unknown' | undefined {
  const ranges = entry.readRanges && rangesIn(entry.witness);
  if (entry.readRanges === undefined || ranges === undefined)
    return ({ range: _, ...extent }) => extent;
  const read = new Set(idsOf(entry.readRanges));
  return (extent) => {
    if (extent.range === undefined || extent.range >= ranges.count) return 'unknown';
    return read.has(extent.range) ? undefined : extent;
  };
}
