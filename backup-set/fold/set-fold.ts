import { digestOf, encode, FORMAT_VERSION } from '../base/document.ts';
import { formatKey, setPrefix } from '../base/keys.ts';
import { gatherProblems, worstOf } from '../base/problems.ts';
import { boundedProblems, type Problem } from '../base/verdict.ts';
import { Manifest, type ManifestContent, type ManifestPart } from '../documents/manifest.ts';
import type { Plan } from '../documents/plan.ts';
import { gatherNeeds, Needs } from '../documents/retention/needs.ts';
import { fileCounts } from '../files/count-files.ts';
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
  const needs = gatherNeeds(plan.timestamp);
  const files = plan.files && fileCounts(plan.files);
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
      for (const { key } of part.value.packs) needs.add(key);
      if (part.value.files) files?.add(part.value.files);
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
      const short = dispatchDisagreements(plan, seal, (id) => totals.of(id).rows).concat(
        files?.problems() ?? [],
        unnamedKeys(plan, needs.list()),
      );
      if (short.length > 0) return { status: worstOf(short), plan, ...boundedProblems(short) };
      return manifestOf(set, complete, totals, needs.list());
    },
  };
}

/** The seal proves the plan, and the plan which keys open the frames of older sets. */
function unnamedKeys({ timestamp, encryption }: Plan, packs: Needs['packs']): Problem[] {
  if (encryption === undefined) return [];
  const named = new Set(encryption.older?.map((older) => older.timestamp));
  const unnamed = new Set(packs.map(({ set }) => set).filter((set) => !named.has(set)));
  return [...unnamed].map((set) => ({
    code: 'documents-disagree',
    object: formatKey({ kind: 'plan', timestamp }),
    message: `the set uses packs of set ${set}, and its plan does not name the key of that set`,
  }));
}

function manifestOf(
  { plan, seal, proof }: SealedSet,
  contents: readonly ManifestContent[],
  totals: ReturnType<typeof relationTotals>,
  packs: Needs['packs'],
): Folded {
  const total = (field: keyof ManifestContent['totals']) =>
    contents.reduce((sum, content) => sum + (content.totals[field] ?? 0), 0);
  const { timestamp } = plan;
  const needs =
    packs.length === 0
      ? undefined
      : encode(Needs, { format: 'stowage/needs', version: FORMAT_VERSION, timestamp, packs });
  const manifest: Manifest = {
    format: 'stowage/manifest',
    version: FORMAT_VERSION,
    timestamp,
    startedAt: plan.startedAt,
    sealedAt: seal.sealedAt,
    cluster: plan.cluster,
    flavour: plan.flavour,
    database: plan.database,
    root: plan.root,
    tool: plan.tool,
    ...(plan.source && { source: plan.source }),
    snapshot: plan.snapshot,
    compression: plan.compression,
    ...(plan.features && { features: plan.features }),
    ...(plan.base && { base: plan.base }),
    ...(plan.encryption && { encryption: plan.encryption }),
    ...(plan.files && { files: plan.files }),
    ...(plan.tags && { tags: plan.tags }),
    ...(plan.group && { group: plan.group }),
    selection: plan.selection,
    proof,
    needs: [...new Set(packs.map(({ set: older }) => older).concat(plan.files?.needs ?? []))],
    ...(needs && { needed: digestOf(needs) }),
    totals: {
      contents: contents.length,
      relations: plan.relations.length + (plan.files?.tables.length ?? 0),
      rows: total('rows'),
      bytes: total('bytes'),
      storedBytes: total('storedBytes'),
      objects: total('objects'),
      extents: total('extents'),
      ...(plan.base && {
        newBytes: total('newBytes'),
        newObjects: total('newObjects'),
        usedBytes: total('usedBytes'),
      }),
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
    return {
      status: 'complete',
      plan,
      manifest,
      bytes: encode(Manifest, manifest),
      ...(needs && { needs }),
    };
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
  { timestamp, content, witness, relations, packs, metadata, files = [] }: ManifestPart,
  { base, files: ofTool }: Pick<Plan, 'base' | 'files'>,
): ManifestContent['totals'] {
  const ours = setPrefix(timestamp);
  const isOwn = ({ key }: { readonly key: string }) => key.startsWith(ours);
  const own = [...packs, ...metadata].filter(isOwn);
  const sum = <Item>(items: readonly Item[], of: (item: Item) => number) =>
    items.reduce((total, item) => total + of(item), 0);
  const newBytes = sum(own, ({ bytes }) => bytes);
  const older = packs.filter((pack) => !isOwn(pack));
  const olderBytes = sum(older, ({ extents }) => sum(extents, ({ length }) => length));
  return {
    relations: relations.length + (content < 0 ? 0 : (ofTool?.tables.length ?? 0)),
    rows: sum(relations, ({ rows }) => rows) + sum(files, ({ rows = 0 }) => rows),
    bytes: sum(relations, ({ bytes }) => bytes) + sum(files, ({ rowBytes = 0 }) => rowBytes),
    storedBytes: sum([...packs, ...metadata, ...files], ({ bytes }) => bytes),
    objects: packs.length + metadata.length + files.length,
    extents: sum(packs, ({ extents }) => extents.length),
    ...(base && { newBytes, newObjects: own.length, usedBytes: newBytes + olderBytes }),
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
