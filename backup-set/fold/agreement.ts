import { formatKey } from '../base/keys.ts';
import type { Problem } from '../base/verdict.ts';
import { idsOf, type Plan, type PlannedContent, type Relation } from '../documents/plan.ts';
import type { Seal, SealPart } from '../documents/seal.ts';
import { findFormat, unknownFlavour } from '../flavours/formats.ts';

/**
 * Contradictions within a plan. The fold counts by relation id and by content: if these are
 * ambiguous, or if a relation is assigned to no content, an incomplete set could look complete.
 */
export function planDisagreements(plan: Plan): Problem[] {
  const object = formatKey({ kind: 'plan', timestamp: plan.timestamp });
  const problems: Problem[] = [];
  const disagree = (message: string, where: Pick<Problem, 'content' | 'relation'> = {}) =>
    problems.push({ code: 'documents-disagree', ...where, object, message });
  plan.relations.forEach((relation, at) => {
    if (relation.id !== at)
      disagree(`relation number ${at} has id ${relation.id}`, { relation: nameOf(relation) });
  });
  for (const content of repeated(plan.contents.map((planned) => planned.content)))
    disagree('the plan lists this content twice', { content });
  for (const { content, metadata, relations } of plan.contents) {
    for (const file of repeated(metadata)) disagree(`the plan lists ${file} twice`, { content });
    const range = invalidRange(relations, plan.relations.length);
    if (range !== undefined)
      disagree(`the range of relation ids ${range} overlaps another range or is not in the plan`, {
        content,
      });
  }
  for (const message of baseDisagreements(plan)) disagree(message);
  // The checks below index by ids and ranges.
  if (problems.length > 0) return problems;
  const format = findFormat(plan.flavour);
  if (format === undefined) disagree(unknownFlavour(plan.flavour));
  for (const { message, relation } of format?.planProblems(plan) ?? [])
    disagree(message, relation && { relation: nameOf(relation) });
  for (const relation of unshipped(plan))
    disagree('the plan assigns this relation to no content', { relation: nameOf(relation) });
  for (const { content, relation } of namedTwice(plan))
    disagree('the plan assigns two relations of this name to one content', { content, relation });
  return problems;
}

/** What readers must know is a feature: rows from an older set, and whether objects are sealed. */
function baseDisagreements(plan: Plan): string[] {
  const { timestamp, base, encryption, features, contents, relations } = plan;
  const uses =
    contents.some((content) => content.base !== undefined) ||
    relations.some(({ baseRelation }) => baseRelation !== undefined);
  return [
    ...(uses && base === undefined ? ['the plan refers to a base and names none'] : []),
    ...(base !== undefined && base.timestamp >= timestamp
      ? [`the base ${base.timestamp} of the set is not older than the set`]
      : []),
    ...((base !== undefined) === (features?.includes('carried') === true)
      ? []
      : ['the plan has only one of base and the feature "carried"']),
    ...(contents.some(({ witnesses }) => witnesses !== undefined) ===
    (features?.includes('witness') === true)
      ? []
      : ['the plan has only one of witnesses and the feature "witness"']),
    ...((encryption !== undefined) === (features?.includes('encrypted') === true)
      ? []
      : ['the plan has only one of encryption and the feature "encrypted"']),
    ...((encryption?.hostKeys !== undefined) === (features?.includes('host-keys') === true)
      ? []
      : ['the plan has only one of keys of hosts and the feature "host-keys"']),
    ...filesDisagreements(plan),
  ];
}

/** A set consists of the files of another tool, or of packs. */
function filesDisagreements({ timestamp, files, features, relations }: Plan): string[] {
  if ((files !== undefined) !== (features?.includes('files') === true))
    return ['the plan has only one of files and the feature "files"'];
  if (files === undefined) return [];
  const oids = new Set(files.tables.map(({ oid }) => oid));
  return [
    ...(relations.length > 0 ? ['the plan has both files of another tool and relations'] : []),
    ...(oids.size < files.tables.length ? ['the plan lists a table of gpbackup twice'] : []),
    ...(files.needs.some((older) => older >= timestamp)
      ? ['the set needs files of a set that is not older than it']
      : []),
  ];
}

/** Contradictions within a seal, and between seal and plan. Parts of the seal are not needed. */
export function sealDisagreements(plan: Plan, seal: Seal): Problem[] {
  const object = formatKey({ kind: 'seal', timestamp: seal.timestamp });
  const disagree = (content: number | undefined, message: string): Problem => ({
    code: 'documents-disagree',
    ...(content !== undefined && { content }),
    object,
    message,
  });
  const planned = new Set(plan.contents.map(({ content }) => content));
  const sealed = seal.contents.map(({ content }) => content);
  return [
    ...[...repeated(sealed)].map((content) =>
      disagree(content, 'the seal lists this content twice'),
    ),
    ...sealed
      .filter((content) => !planned.has(content))
      .map((content) => disagree(content, 'the seal lists a content that the plan does not have')),
    // Without the key its value cannot be checked here.
    ...(seal.outcome === 'failed' || (seal.mac !== undefined) === (plan.encryption !== undefined)
      ? []
      : [disagree(undefined, 'only one of plan and seal says that the set is encrypted')]),
  ];
}

/**
 * Contradictions within one part of a seal. A receipt that is counted twice could replace one that
 * never arrived.
 */
export function partDisagreements({
  timestamp,
  content,
  receipts,
  relations,
}: SealPart): Problem[] {
  const object = formatKey({ kind: 'seal-part', timestamp, content });
  const disagree = (message: string): Problem => ({
    code: 'documents-disagree',
    content,
    object,
    message,
  });
  const shipments = receipts.map(
    ({ attempt, worker, sequence }) => `attempt ${attempt}, worker ${worker}, sequence ${sequence}`,
  );
  return [
    ...[...repeated(shipments)].map((shipment) => disagree(`the seal lists ${shipment} twice`)),
    ...[...repeated(relations.map(({ relation }) => relation))].map((id) =>
      disagree(`the seal counts relation ${id} twice`),
    ),
  ];
}

/** The first range that is reversed, ends outside the plan or overlaps another one. */
function invalidRange(ranges: PlannedContent['relations'], relations: number): string | undefined {
  let free = 0;
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0])) {
    if (first < free || last < first || last >= relations) return `[${first}, ${last}]`;
    free = last + 1;
  }
  return undefined;
}

function unshipped({ relations, contents }: Plan): Relation[] {
  const shipped = new Uint8Array(relations.length);
  for (const content of contents) {
    for (const [first, last] of content.relations) shipped.fill(1, first, last + 1);
  }
  return relations.filter(({ id }) => shipped[id] === 0);
}

/**
 * A name may have several ids (one per list of columns), but only one per content: a restore would
 * load its rows twice.
 */
function namedTwice({ relations, contents }: Plan) {
  const keys = relations.map(({ schema, name }) => JSON.stringify([schema, name]));
  const shared = repeated(keys);
  if (shared.size === 0) return [];
  return contents.flatMap(({ content, relations: ranges }) => {
    const here = Array.from(idsOf(ranges)).filter((id) => shared.has(keys[id] ?? ''));
    const twice = repeated(here.map((id) => keys[id]));
    const first = new Map(here.toReversed().map((id) => [keys[id], id]));
    return [...twice].flatMap((key) => {
      const relation = relations[first.get(key) ?? -1];
      return relation === undefined ? [] : [{ content, relation: nameOf(relation) }];
    });
  });
}

const nameOf = ({ schema, name }: Relation) => ({ schema, name });

/** The values that occur more than once. */
function repeated<Value>(values: readonly Value[]): Set<Value> {
  const seen = new Set<Value>();
  return new Set(values.filter((value) => seen.size === seen.add(value).size));
}
