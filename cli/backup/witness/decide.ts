import { eachInFlight, weighed } from '../../../async/each-in-flight.ts';
import { decode, sha256 } from '../../../backup-set/base/document.ts';
import { asStowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { ManifestPart } from '../../../backup-set/documents/manifest.ts';
import type { PlannedContent } from '../../../backup-set/documents/plan.ts';
import { type BaseContent, type Decided, decide } from '../../../backup-set/witness/decide.ts';
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
    const { witness, relations } = decode(ManifestPart, { key, bytes });
    return { ...(witness && { witness }), relations };
  } catch (error) {
    signal.throwIfAborted();
    log.warn({ err: asStowageError(error), content }, 'the part of the base cannot be read');
    return undefined;
  }
}

/** The draft without the work on relations whose rows are carried without reading. */
export function withDecided(draft: Draft, decided: DecidedContents): Draft {
  if (decided.size === 0) return draft;
  const work = new Map(
    [...draft.work].map(([content, list]) => {
      const unread = new Set(decided.get(content)?.unread.map(({ relation }) => relation));
      return [content, list.filter(({ relation }) => !unread.has(relation.id))];
    }),
  );
  const features = [...(draft.body.features ?? []), 'witness' as const];
  return { ...draft, work, decided, body: { ...draft.body, features } };
}
