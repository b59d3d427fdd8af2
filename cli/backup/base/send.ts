import { eachInFlight } from '../../../async/each-in-flight.ts';
import { decode, sha256 } from '../../../backup-set/base/document.ts';
import { asStowageError, StowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { ManifestPart } from '../../../backup-set/documents/manifest.ts';
import { idsOf, type Plan, type PlannedContent } from '../../../backup-set/documents/plan.ts';
import type { Decided } from '../../../backup-set/witness/decide.ts';
import { BASE_EXTENTS_MAX } from '../../../segment-shipper/backup/carry/base-index.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { printable } from '../../output/format.ts';
import type { ShipperProcess } from '../../shippers/process.ts';
import type { BackupRun } from '../run.ts';
import { offersOf } from './offers.ts';

/** Parts that are read at once: one of a million extents takes 145 MB, and more when parsed. */
export const PARTS_AT_ONCE = 2;

/** The base's part of a content; undefined when nothing of it is carried. */
export const baseOf = ({ contents }: Pick<Plan, 'contents'>, content: number) =>
  contents.find((planned) => planned.content === content)?.base;

/** Sends every shipper the frames of the base that it waits for. */
export async function offerBase(
  run: Pick<BackupRun, 'plan' | 'store' | 'context' | 'draft'>,
  shippers: readonly ShipperProcess[],
  stopped: AbortSignal,
): Promise<void> {
  await eachInFlight(shippers, PARTS_AT_ONCE, async (shipper) => {
    const planned = run.plan.contents.find(({ content }) => content === shipper.content);
    if (planned?.base !== undefined) await sendBase(run, planned, shipper, stopped);
  });
}

/**
 * Sends a shipper the frames of the base that it need not store again, after a copy of the base's
 * part lies in the new set: the fold needs it. Without them the shipper stores everything, so a
 * base that cannot be read does not end the backup, unless some tables are not read at all.
 */
async function sendBase(
  { plan, store, context, draft }: Pick<BackupRun, 'plan' | 'store' | 'context' | 'draft'>,
  planned: PlannedContent,
  shipper: Pick<ShipperProcess, 'deliver'>,
  signal: AbortSignal,
): Promise<void> {
  const { content } = planned;
  try {
    const part = await keepPart(store, plan, planned, signal);
    const read = (draft.work.get(content) ?? []).map(({ relation }) => relation.id);
    const isUnread = unreadRanges(draft.decided?.get(content));
    for (const line of offersOf(part, plan.relations, read, BASE_EXTENTS_MAX, isUnread)) {
      signal.throwIfAborted();
      await shipper.deliver(line);
    }
  } catch (error) {
    if (needsBase(draft.decided?.get(content))) throw error;
    const { code, message } = asStowageError(error);
    if (!signal.aborted)
      context.output.note(
        'base-unused',
        { content, code, message },
        printable(`content ${content} stores all rows, none are carried: ${message} (${code})`),
      );
  }
  await shipper.deliver({ type: 'base-end' });
}

/** Whether the set has rows of the base that no shipper reads. */
const needsBase = (decided: Decided | undefined) =>
  decided !== undefined &&
  (decided.unread.length > 0 || decided.ranged.some(({ unread }) => unread !== undefined));

/** Whether rows of a range of blocks are carried already, without reading. */
function unreadRanges(decided: Decided | undefined) {
  const parts = (decided?.ranged ?? []).filter(({ unread }) => unread !== undefined);
  const read = new Map(parts.map((one) => [one.relation, new Set(idsOf(one.read))]));
  return (relation: number, range: number | undefined): boolean => {
    const ranges = read.get(relation);
    return ranges !== undefined && range !== undefined && !ranges.has(range);
  };
}

/** Copies the base's part into the new set, byte for byte. */
async function keepPart(
  store: ObjectStore,
  { timestamp, base }: Plan,
  { content, base: pinned }: PlannedContent,
  signal: AbortSignal,
): Promise<ManifestPart> {
  if (base === undefined || pinned === undefined)
    throw new StowageError('internal', `content ${content} has no base`);
  const key = formatKey({ kind: 'manifest-part', timestamp: base.timestamp, content });
  const bytes = await store.read(key, { signal, bytesMax: pinned.bytes });
  if (sha256(bytes) !== pinned.sha256)
    throw new StowageError(
      'set/damaged',
      `${key} is not the part that the manifest of set ${base.timestamp} names (its SHA-256 differs)`,
      { where: { set: base.timestamp, content, object: key } },
    );
  await store.create(formatKey({ kind: 'base-part', timestamp, content }), bytes, { signal });
  return decode(ManifestPart, { key, bytes });
}
