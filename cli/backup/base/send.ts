import { eachInFlight } from '../../../async/each-in-flight.ts';
import { sha256 } from '../../../backup-set/base/document.ts';
import { asStowageError, StowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { partPacks } from '../../../backup-set/documents/part-packs.ts';
import type { Plan, PlannedContent } from '../../../backup-set/documents/plan.ts';
import type { Decided } from '../../../backup-set/witness/decide.ts';
import { offersOf } from '../../../segment-shipper/backup/carry/offers.ts';
import type { BaseExtents } from '../../../segment-shipper/protocol/control.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { printable } from '../../output/format.ts';
import type { ShipperProcess } from '../../shippers/process.ts';
import type { BackupRun } from '../run.ts';

/** Parts that are read at once: one of a million extents takes 145 MB. */
export const PARTS_AT_ONCE = 2;

type Run = Pick<BackupRun, 'plan' | 'store' | 'context' | 'draft'>;

/** The base's part of a content; undefined when nothing of it is carried. */
export const baseOf = ({ contents }: Pick<Plan, 'contents'>, content: number) =>
  contents.find((planned) => planned.content === content)?.base;

/** Sends every shipper the frames of the base that it waits for. */
export async function offerBase(
  run: Run,
  shippers: readonly ShipperProcess[],
  stopped: AbortSignal,
): Promise<void> {
  await eachInFlight(shippers, PARTS_AT_ONCE, async (shipper) => {
    const planned = run.plan.contents.find(({ content }) => content === shipper.content);
    if (planned?.base !== undefined) await sendBase(run, planned, shipper, stopped);
  });
}

/** Sends a shipper the frames of the base that it need not store again. */
async function sendBase(
  run: Run,
  planned: PlannedContent,
  shipper: Pick<ShipperProcess, 'deliver' | 'carries'>,
  signal: AbortSignal,
): Promise<void> {
  const { content } = planned;
  const bytes = await keepBase(run, planned, signal);
  const carries = await shipper.carries;
  if (carries === false) {
    const message =
      'its shipper is of an earlier program, which knows no base; install the same version on every host';
    noteUnused(run, content, { code: 'shipper/protocol', message });
  }
  if (carries !== true) return;
  try {
    for (const line of bytes === undefined ? [] : linesOf(run, planned, bytes)) {
      signal.throwIfAborted();
      await shipper.deliver(line);
    }
  } catch (error) {
    if (!signal.aborted) noteUnused(run, content, asStowageError(error));
  }
  await shipper.deliver({ type: 'base-end' });
}

function* linesOf(
  { plan, context, draft }: Run,
  { content }: PlannedContent,
  bytes: Uint8Array,
): Generator<BaseExtents> {
  const read = draft.work.get(content) ?? [];
  const relations = read.flatMap(({ relation: { id }, ranges }) => {
    const relation = plan.relations[id];
    return relation === undefined ? [] : [{ ...relation, ...(ranges && { ranges }) }];
  });
  const { packUseMin } = context.config.backup;
  const offers = offersOf({ relations, packUseMin });
  const key = formatKey({ kind: 'base-part', timestamp: plan.timestamp, content });
  for (const piece of partPacks(key)(bytes)) yield* offers.of(piece);
  yield* offers.rest();
}

/**
 * Copies the base's part into the new set, byte for byte: the fold needs it. Without it the content
 * stores all rows, so a base that cannot be read does not end the backup, unless some tables are
 * not read at all.
 * @returns the part; undefined when it cannot be used, which a note says.
 */
export async function keepBase(
  run: Run,
  planned: PlannedContent,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  try {
    return await keepPart(run.store, run.plan, planned, signal);
  } catch (error) {
    const { decided } = run.draft;
    if (needsBase(decided?.get(planned.content))) throw error;
    if (!signal.aborted) noteUnused(run, planned.content, asStowageError(error));
    return undefined;
  }
}

/** Whether the set has rows of the base that no shipper reads. */
const needsBase = (decided: Decided | undefined) =>
  decided !== undefined &&
  (decided.unread.length > 0 || decided.ranged.some(({ unread }) => unread !== undefined));

/** Says why a content stores all rows. */
export function noteUnused(
  { context }: Pick<Run, 'context'>,
  content: number,
  { code, message }: { readonly code: string; readonly message: string },
): void {
  context.output.note(
    'base-unused',
    { content, code, message },
    printable(`content ${content} stores all rows, none are carried: ${message} (${code})`),
  );
}

async function keepPart(
  store: ObjectStore,
  { timestamp, base }: Plan,
  { content, base: pinned }: PlannedContent,
  signal: AbortSignal,
): Promise<Uint8Array> {
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
  return bytes;
}
