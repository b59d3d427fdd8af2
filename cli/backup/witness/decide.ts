import { eachInFlight, weighed } from '../../../async/each-in-flight.ts';
import { decode, sha256 } from '../../../backup-set/base/document.ts';
import { asStowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { ManifestPart } from '../../../backup-set/documents/manifest.ts';
import { idsOf, type PlannedContent } from '../../../backup-set/documents/plan.ts';
import {
  type BaseContent,
  type Decided,
  decide,
  type RangedRelation,
} from '../../../backup-set/witness/decide.ts';
import type { HeldSnapshot } from '../../../database/flavour.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { durationMs } from '../../config/durations.ts';
import type { ClusterContext } from '../../context.ts';
import { PARTS_AT_ONCE } from '../base/send.ts';
import type { Draft } from '../documents/plan.ts';
import type { DecidedContents } from './documents.ts';
import { type PreparedWitnesses, SERVERS_AT_ONCE } from './prepare.ts';
import { seeContent } from './see.ts';

interface Deciding {
  readonly draft: Draft;
  readonly held: HeldSnapshot;
  readonly prepared: PreparedWitnesses;
  readonly startedAt: Date;
}

/** Decides which relations are read, and which are carried from the base without reading. */
export async function decideContents(
  context: ClusterContext,
  store: ObjectStore,
  { draft, held, prepared, startedAt }: Deciding,
): Promise<DecidedContents> {
  const decided = new Map<number, Decided>();
  if (prepared.support === undefined) return decided;
  const rereadAfterMs = durationMs(context.config.backup.rereadAfter);
  // Each server has a checkpoint to make, and the snapshot is held meanwhile.
  const admit = weighed(PARTS_AT_ONCE);
  await eachInFlight(held.nodes, SERVERS_AT_ONCE, async (node) => {
    const { content } = node.segment;
    const planned = draft.body.contents.find((one) => one.content === content);
    const relations = (draft.work.get(content) ?? [])
      .map(({ relation: { id } }) => draft.body.relations[id])
      .filter((relation) => relation !== undefined);
    const base = planned && (await admit(1, () => readBase(context, store, draft.body, planned)));
    const seen = await seeContent(context, prepared, node, relations, base?.witness);
    if (seen !== undefined)
      decided.set(content, decide(seen, relations, { base, now: startedAt, rereadAfterMs }));
  });
  return decided;
}

/** Only what a decision needs: the extents of a part can take most of its memory. */
async function readBase(
  { signal, log }: ClusterContext,
  store: ObjectStore,
  { base }: Draft['body'],
  { content, base: pinned }: PlannedContent,
): Promise<BaseContent | undefined> {
  if (base === undefined || pinned === undefined) return undefined;
  const key = formatKey({ kind: 'manifest-part', timestamp: base.timestamp, content });
  try {
    const bytes = await store.read(key, { signal, bytesMax: pinned.bytes });
    if (sha256(bytes) !== pinned.sha256) return undefined;
    const part = decode(ManifestPart, { key, bytes });
    const { witness, relations } = part;
    return { ...(witness && { witness }), relations, volumes: volumesOf(part) };
  } catch (error) {
    signal.throwIfAborted();
    log.warn({ err: asStowageError(error), content }, 'the part of the base cannot be read');
    return undefined;
  }
}

/** What each range of blocks has. */
function volumesOf({ packs }: ManifestPart): NonNullable<BaseContent['volumes']> {
  const volumes = new Map<number, Map<number, { rows: number; bytes: number }>>();
  for (const { extents } of packs) {
    for (const { relation, range, rows, bytes } of extents) {
      if (range === undefined) continue;
      const ranges = volumes.get(relation) ?? new Map<number, { rows: number; bytes: number }>();
      volumes.set(relation, ranges);
      const before = ranges.get(range) ?? { rows: 0, bytes: 0 };
      ranges.set(range, { rows: before.rows + rows, bytes: before.bytes + bytes });
    }
  }
  return volumes;
}

type Work = Draft['work'] extends ReadonlyMap<number, readonly (infer Item)[]> ? Item : never;

/** The work on a relation that is read in ranges, with the size of those that are read. */
function withRanges(item: Work, ranged: RangedRelation | undefined): Work {
  if (ranged === undefined) return item;
  const { blocks, count, read } = ranged;
  const share = Iterator.from(idsOf(read)).reduce((sum) => sum + 1, 0) / count;
  const bytesEstimated = Math.ceil(item.bytesEstimated * share);
  return { ...item, bytesEstimated, ranges: { blocks, count, read } };
}

/** The draft without the work on relations whose rows are carried without reading. */
export function withDecided(draft: Draft, decided: DecidedContents): Draft {
  if (decided.size === 0) return draft;
  const work = new Map(
    [...draft.work].map(([content, list]) => {
      const unread = new Set(decided.get(content)?.unread.map(({ relation }) => relation));
      const ranged = new Map(decided.get(content)?.ranged.map((one) => [one.relation, one]));
      const read = list
        .filter(({ relation }) => !unread.has(relation.id))
        .map((item) => withRanges(item, ranged.get(item.relation.id)));
      return [content, read.sort((a, b) => b.bytesEstimated - a.bytesEstimated)];
    }),
  );
  const features = [...(draft.body.features ?? []), 'witness' as const];
  return { ...draft, work, decided, body: { ...draft.body, features } };
}
