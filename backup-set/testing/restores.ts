import * as fc from 'fast-check';
import { encode, indexByKey, type RawDocument } from '../base/document.ts';
import { formatKey, type Phase, parseKey } from '../base/keys.ts';
import { EVERYTHING, type Selection } from '../base/selection.ts';
import type { Manifest, ManifestPart } from '../documents/manifest.ts';
import { RestoreCounts } from '../documents/restore/found.ts';
import {
  type Order,
  type RestorePlan,
  RestoreReceipt,
  type RestoreRequest,
} from '../documents/restore/restore.ts';
import { createRestoreFold, type RestoreStep } from '../restore/fold.ts';
import { draftOrders } from '../restore/orders.ts';
import { contentsIn, restoredContents } from '../restore/phases.ts';
import { loadedRelations, resolveRequest, volumeIn } from '../restore/plan.ts';
import { consistentSet } from './arbitraries.ts';
import { AT, documentsOf, type SetParts, TIMESTAMP } from './builders.ts';
import { doneReceipt } from './done-receipt.ts';
import { fold } from './fold-whole.ts';
import { quoted } from './names.ts';

const RESTORE = '20260201120000123-0123abcd';
export const MANIFEST_SHA256 = '0'.repeat(64);

/** A manifest with all its parts. */
export interface WholeManifest {
  readonly manifest: Manifest;
  readonly parts: readonly ManifestPart[];
}

export interface RestoreCase extends WholeManifest {
  readonly request: RestoreRequest;
}

/** A request for a target with the flavour and contents of the set. */
export function requestFor(
  manifest: Manifest,
  change: Partial<RestoreRequest> = {},
): RestoreRequest {
  const contents = manifest.contents.map(({ content }) => ({
    content,
    host: 'target',
    port: 5432,
  }));
  return {
    format: 'stowage/restore-request',
    version: 1,
    id: RESTORE,
    requestedAt: AT,
    timestamp: TIMESTAMP,
    target: { flavour: manifest.flavour, database: 'd', contents },
    selection: EVERYTHING,
    mode: 'create',
    verify: true,
    globals: true,
    noOwner: false,
    resize: false,
    agents: false,
    count: false,
    ...change,
  };
}

export const manifestFrom = (sets: fc.Arbitrary<SetParts>): fc.Arbitrary<WholeManifest> =>
  sets.map((parts) => {
    const folded = fold(documentsOf(parts));
    if (folded.status !== 'complete') throw new Error(folded.status);
    return folded;
  });

export const wholeManifest: fc.Arbitrary<WholeManifest> = manifestFrom(consistentSet);

export const manifest: fc.Arbitrary<Manifest> = wholeManifest.map(({ manifest: made }) => made);

/** Selections of relations of a manifest by quoted names, or of partitions by their root. */
function selectionOf({ relations }: Manifest): fc.Arbitrary<Selection> {
  const names = relations.flatMap(({ schema, name, partitionRoot }) => [
    quoted(schema, name),
    ...(partitionRoot ? [quoted(partitionRoot.schema, partitionRoot.name)] : []),
  ]);
  const schemas = relations.map(({ schema }) => quoted(schema));
  return fc.oneof(
    fc.constant(EVERYTHING),
    fc.record({
      includeSchemas: fc.subarray(schemas),
      excludeSchemas: fc.subarray(schemas, { maxLength: 1 }),
      includeTables: fc.subarray(names),
      excludeTables: fc.subarray(names, { maxLength: 1 }),
    }),
  );
}

/** The fields of a request other than its target. */
const choicesFor = (made: Manifest): fc.Arbitrary<Partial<RestoreRequest>> =>
  fc.record({
    selection: selectionOf(made),
    mode: fc.constantFrom('create' as const, 'fill' as const, 'truncate' as const),
    verify: fc.boolean(),
    globals: fc.boolean(),
  });

/** A manifest, and a valid request for it; `more` overrides fields of the request. */
export const restoreCaseOf = (
  manifests: fc.Arbitrary<WholeManifest>,
  more: (made: WholeManifest) => fc.Arbitrary<Partial<RestoreRequest>> = () => fc.constant({}),
): fc.Arbitrary<RestoreCase> =>
  manifests
    .chain((made) =>
      fc.tuple(choicesFor(made.manifest), more(made)).map(([choices, others]) => ({
        manifest: made.manifest,
        parts: made.parts,
        request: requestFor(made.manifest, { ...choices, ...others }),
      })),
    )
    .filter((restore) => plannedFrom(restore).ok);

export const restoreCase: fc.Arbitrary<RestoreCase> = restoreCaseOf(wholeManifest);

/** The plan as the functions make it, or the problems of the request. */
export function plannedFrom({
  manifest: made,
  parts,
  request,
}: RestoreCase): ReturnType<typeof resolveRequest> {
  const chosen = loadedRelations(request, made);
  const volumes = restoredContents(request, parts).map(volumeIn(request, chosen));
  return resolveRequest(request, made, MANIFEST_SHA256, volumes);
}

export function planOf(restore: RestoreCase): RestorePlan {
  const planned = plannedFrom(restore);
  if (!planned.ok) throw new Error(JSON.stringify(planned.failure));
  return planned.value;
}

/** The orders of a phase, each from the parts that it needs. */
export function ordersFor(phase: Phase, restore: RestoreCase): Order[] {
  const { parts } = restore;
  return draftOrders(phase, restore).map((draft) => {
    for (const content of draft.needs) {
      const part = parts.find((candidate) => candidate.content === content);
      if (part === undefined) throw new Error(`content ${content} has no part`);
      draft.take(part);
    }
    return draft.finish();
  });
}

/** The receipt of an order that was carried out. */
function receiptOf(restore: RestoreCase, phase: Phase, content: number): RestoreReceipt {
  const order = ordersFor(phase, restore).find((candidate) => candidate.content === content);
  // A feeding segment loads nothing: the receipt of the loading one has the rows.
  const relations =
    order?.phase === 'data' && order.role === 'load'
      ? order.relations.map(({ schema, name, rows }) => ({ schema, name, rows }))
      : [];
  return doneReceipt({ id: RESTORE, phase, content }, relations);
}

export function restoreReceiptDocument(receipt: RestoreReceipt): RawDocument {
  const { phase, content } = receipt;
  const key = formatKey({ kind: 'restore-receipt', restore: RESTORE, phase, content });
  return { key, bytes: encode(RestoreReceipt, receipt) };
}

/** All receipts of a restore without failures, in the order of phases. */
export function allDone(restore: RestoreCase): RestoreReceipt[] {
  const plan = planOf(restore);
  return plan.phases.flatMap((phase) =>
    contentsIn(phase, plan).map((content) => receiptOf(restore, phase, content)),
  );
}

/** The counts of a target that holds what the plan says. */
export function allCounted({ id, contents, totals }: RestorePlan): RestoreCounts {
  return {
    format: 'stowage/restore-counts',
    version: 1,
    id,
    countedAt: AT,
    relations: contents.reduce((sum, { relations }) => sum + relations, 0),
    rows: totals.rows,
    problemsTotal: 0,
    problems: [],
  };
}

/** The state of a restore whose receipts fit into memory, with the steps of the functions. */
export function foldRestore(
  plan: RestorePlan,
  receipts: Iterable<RawDocument>,
  counts?: RestoreCounts,
): RestoreStep {
  const sum = createRestoreFold(plan);
  for (const [text, documents] of indexByKey(receipts)) {
    const key = parseKey(text);
    if (key?.kind === 'restore-receipt') sum.add(key.phase, key.content, documents);
  }
  if (counts !== undefined) {
    const key = formatKey({ kind: 'restore-counts', restore: plan.id });
    sum.addCounts([{ key, bytes: encode(RestoreCounts, counts) }]);
  }
  return sum.step();
}
