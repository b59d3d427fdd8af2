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
    fields: { timestamp, content },
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
  const wanted = new Map<number, SealedRelation>();
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
    else if (entry.carried && sealed && baseRelation !== undefined) {
      if (wanted.has(baseRelation)) disagree(relation, 'its rows in the base are used twice');
      wanted.set(baseRelation, sealed);
    }
  }
  for (const sealed of counts)
    if (sealed?.carried && entries.get(sealed.relation)?.carried === undefined)
      disagree(sealed.relation, 'the seal says "carried", and the witnesses do not');
  return {
    problems,
    packs: problems.length > 0 || base === undefined ? [] : packsOf(base, wanted),
  };
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
  if (!entry.carried) {
    if (sealed?.carried) return 'the seal says "carried", and the witnesses do not';
    return entry.readAt === timestamp ? undefined : 'it is read, and readAt is of another set';
  }
  if (sealed === undefined) return undefined;
  if (!sealed.carried) return 'the witnesses say "carried", and the seal does not';
  if (!isSoundUnder(entry.witness.kind, snapshot.mechanism))
    return `a witness of kind ${entry.witness.kind} proves nothing under a snapshot by ${snapshot.mechanism}`;
  const content = base?.part.witness;
  if (before?.witness === undefined || content === undefined || witnesses === undefined)
    return 'it is carried, and the base has no witness of it';
  const reason = witnessDifference(
    { content, witness: before.witness },
    { content: witnesses, witness: entry.witness },
  );
  if (reason !== undefined)
    return `it is carried, and its witness proves nothing: ${REASONS[reason]}`;
  if (entry.readAt !== before.readAt)
    return 'it is carried, and its readAt is not that of the base';
  return sealed.rows === before.rows &&
    sealed.bytes === before.bytes &&
    sealed.rowFormat === before.rowFormat
    ? undefined
    : 'the seal has other numbers of rows and bytes than the base';
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

/** All extents of these relations of the base, under the ids of this set. */
function packsOf({ part, isUsed }: Numbered, wanted: ReadonlyMap<number, SealedRelation>) {
  const packs: ShippedPack[] = [];
  let number = 0;
  for (const pack of part.packs) {
    const byAttempt = new Map<number, Extent[]>();
    for (const extent of pack.extents) {
      const sealed = wanted.get(extent.relation);
      if (sealed !== undefined) {
        isUsed[number] = 1;
        const extents = byAttempt.get(sealed.attempt) ?? [];
        extents.push({ ...extent, relation: sealed.relation });
        byAttempt.set(sealed.attempt, extents);
      }
      number++;
    }
    for (const [attempt, extents] of byAttempt)
      packs.push({ attempt, object: objectRefShape(pack), extents });
  }
  return packs;
}
