import { encode, FORMAT_VERSION } from '../base/document.ts';
import { formatKey, parseKey, setPrefix } from '../base/keys.ts';
import { gatherProblems, worstOf } from '../base/problems.ts';
import { boundedProblems } from '../base/verdict.ts';
import { Manifest, type ManifestContent, type ManifestPart } from '../documents/manifest.ts';
import type { Plan } from '../documents/plan.ts';
import type { FoldedContent } from './content.ts';
import { dispatchDisagreements } from './dispatched.ts';
import type { Folded, SealedSet } from './fold.ts';

/** Adds up the contents of a set. It keeps only sums, and the manifest's entry of each content. */
export interface SetFold {
  /** Adds a content, in any order. A second call for the same content has no effect. */
  add(folded: FoldedContent): void;
  /** The result. Call it after all contents of the plan were added. */
  end(): Folded;
}

/** Memory grows with the number of relations plus contents, not with their product. */
export function createSetFold(set: SealedSet): SetFold {
  const { plan, seal } = set;
  const gathered = gatherProblems();
  gathered.addFirst(set.problems);
  const contents = new Map<number, ManifestContent | undefined>();
  const totals = relationTotals(plan.relations.length);
  const needs = new Set<string>();
  return {
    add({ content, problems, part }) {
      if (contents.has(content)) return;
      gathered.add(content, problems);
      contents.set(
        content,
        part && { ...factsOf(part.value), part: part.digest, totals: totalsOf(part.value, plan) },
      );
      if (part === undefined) return;
      totals.add(part.value);
      for (const timestamp of othersIn(part.value)) needs.add(timestamp);
    },
    end() {
      for (const { content } of plan.contents) {
        if (!contents.has(content))
          gathered.add(content, [
            {
              code: 'content-missing',
              content,
              message: 'the documents of this content were not checked',
            },
          ]);
      }
      if (gathered.total > 0) return { status: gathered.worst, plan, ...gathered.list() };
      const complete = [...contents.values()].filter((content) => content !== undefined);
      // Only for a set without missing contents: else every relation would be reported.
      const short = dispatchDisagreements(plan, seal, (id) => totals.of(id).rows);
      if (short.length > 0) return { status: worstOf(short), plan, ...boundedProblems(short) };
      return manifestOf(set, complete, totals, [...needs].sort());
    },
  };
}

function manifestOf(
  { plan, seal, proof }: SealedSet,
  contents: readonly ManifestContent[],
  totals: ReturnType<typeof relationTotals>,
  needs: string[],
): Folded {
  const total = (field: keyof ManifestContent['totals']) =>
    contents.reduce((sum, content) => sum + (content.totals[field] ?? 0), 0);
  const manifest: Manifest = {
    format: 'stowage/manifest',
    version: FORMAT_VERSION,
    timestamp: plan.timestamp,
    startedAt: plan.startedAt,
    sealedAt: seal.sealedAt,
    cluster: plan.cluster,
    flavour: plan.flavour,
    database: plan.database,
    root: plan.root,
    tool: plan.tool,
    snapshot: plan.snapshot,
    compression: plan.compression,
    ...(plan.features && { features: plan.features }),
    ...(plan.base && { base: plan.base }),
    selection: plan.selection,
    proof,
    needs,
    totals: {
      contents: contents.length,
      relations: plan.relations.length,
      rows: total('rows'),
      bytes: total('bytes'),
      storedBytes: total('storedBytes'),
      objects: total('objects'),
      extents: total('extents'),
      ...(plan.base && { newBytes: total('newBytes'), newObjects: total('newObjects') }),
      ...(plan.features?.includes('witness') && { readRelations: totals.read() }),
    },
    relations: plan.relations.map(({ baseRelation: _, ...relation }) => ({
      ...relation,
      ...(totals.isBinary(relation.id) && { rowFormat: 'binary' }),
      totals: totals.of(relation.id),
    })),
    notShipped: plan.notShipped,
    ...(plan.leftOut !== undefined && { leftOut: plan.leftOut }),
    ...(plan.secrets !== undefined && { secrets: plan.secrets }),
    contents: contents.toSorted((a, b) => a.content - b.content),
  };
  const excess = Object.entries(manifest.totals).find(([, sum]) => !Number.isSafeInteger(sum));
  if (excess === undefined)
    return { status: 'complete', plan, manifest, bytes: encode(Manifest, manifest) };
  const object = formatKey({ kind: 'seal', timestamp: seal.timestamp });
  const message = `the sum of ${excess[0]} over all contents exceeds 2^53`;
  return {
    status: 'damaged',
    plan,
    ...boundedProblems([{ code: 'documents-disagree', object, message }]),
  };
}

function factsOf({
  content,
  host,
  port,
  serverVersion,
  encoding,
  locale,
  systemIdentifier,
}: ManifestPart) {
  return {
    content,
    host,
    port,
    serverVersion,
    encoding,
    ...(locale && { locale }),
    ...(systemIdentifier !== undefined && { systemIdentifier }),
  };
}

function totalsOf(
  { timestamp, witness, relations, packs, metadata }: ManifestPart,
  { base }: Pick<Plan, 'base'>,
): ManifestContent['totals'] {
  const ours = setPrefix(timestamp);
  const own = [...packs, ...metadata].filter(({ key }) => key.startsWith(ours));
  const sum = <Item>(items: readonly Item[], of: (item: Item) => number) =>
    items.reduce((total, item) => total + of(item), 0);
  return {
    relations: relations.length,
    rows: sum(relations, ({ rows }) => rows),
    bytes: sum(relations, ({ bytes }) => bytes),
    storedBytes: sum(packs, ({ bytes }) => bytes) + sum(metadata, ({ bytes }) => bytes),
    objects: packs.length + metadata.length,
    extents: sum(packs, ({ extents }) => extents.length),
    ...(base && { newBytes: sum(own, ({ bytes }) => bytes), newObjects: own.length }),
    ...(witness && { readRelations: sum(relations, (one) => (wasRead(one, timestamp) ? 1 : 0)) }),
  };
}

/** Whether the rows were read for this set, and not carried by a witness. */
const wasRead = (
  { readAt, readRanges = [] }: ManifestPart['relations'][number],
  timestamp: string,
) => readAt === undefined || readAt === timestamp || readRanges.length > 0;

/** Sums per relation over all contents, indexed by id: the ids of a valid plan count from 0. */
function relationTotals(relations: number) {
  const column = () => new Float64Array(relations);
  const sums = {
    contents: column(),
    rows: column(),
    bytes: column(),
    storedBytes: column(),
    extents: column(),
  };
  const binary = new Set<number>();
  const read = new Uint8Array(relations);
  const addTo = (field: keyof typeof sums, id: number, value: number) => {
    sums[field][id] = (sums[field][id] ?? 0) + value;
  };
  return {
    add(part: ManifestPart) {
      for (const counted of part.relations) {
        const { relation, rows, bytes, rowFormat } = counted;
        if (wasRead(counted, part.timestamp)) read[relation] = 1;
        if (rowFormat === 'binary') binary.add(relation);
        addTo('contents', relation, 1);
        addTo('rows', relation, rows);
        addTo('bytes', relation, bytes);
      }
      for (const { extents } of part.packs) {
        for (const { relation, length } of extents) {
          addTo('storedBytes', relation, length);
          addTo('extents', relation, 1);
        }
      }
    },
    isBinary: (id: number) => binary.has(id),
    read: () => read.reduce((sum, one) => sum + one, 0),
    of: (id: number) => ({
      contents: sums.contents[id] ?? 0,
      rows: sums.rows[id] ?? 0,
      bytes: sums.bytes[id] ?? 0,
      storedBytes: sums.storedBytes[id] ?? 0,
      extents: sums.extents[id] ?? 0,
    }),
  };
}

/** Timestamps of other sets that hold objects of a content. */
function othersIn({ timestamp, packs, metadata }: ManifestPart): Set<string> {
  const sets = [...packs, ...metadata].map(({ key }) => parseKey(key));
  return new Set(
    sets.flatMap((key) =>
      key !== undefined && 'timestamp' in key && key.timestamp !== timestamp ? [key.timestamp] : [],
    ),
  );
}
