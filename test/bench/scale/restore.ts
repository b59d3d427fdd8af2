import { encode, FORMAT_VERSION } from '../../../backup-set/base/document.ts';
import { formatKey, type Phase } from '../../../backup-set/base/keys.ts';
import { EVERYTHING } from '../../../backup-set/base/selection.ts';
import { RestoreReceipt, RestoreRequest } from '../../../backup-set/documents/restore/restore.ts';
import { doneReceipt } from '../../../backup-set/testing/done-receipt.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { AT, contentsOf, countsOf, nameOf, type SetSize, TIMESTAMP } from './set.ts';

/** `same`: into as many segments as the set has. `resize`: into fewer segments of a Greenplum. */
export type RestoreMode = 'same' | 'resize';

export const restoreId = (way: RestoreMode) =>
  way === 'same' ? '20260201120000123-00000001' : '20260201120000123-00000002';

/** Writes a request to restore the whole set. */
export async function requestRestore(
  store: ObjectStore,
  size: SetSize,
  way: RestoreMode,
): Promise<void> {
  const id = restoreId(way);
  const target = way === 'same' ? size : { ...size, contents: size.contents / 2 };
  const request: RestoreRequest = {
    format: 'stowage/restore-request',
    version: FORMAT_VERSION,
    id,
    requestedAt: AT,
    timestamp: TIMESTAMP,
    target: {
      flavour: size.flavour,
      database: 'bench',
      contents: contentsOf(target).map((content) => ({ content, host: 'target', port: 5432 })),
    },
    selection: EVERYTHING,
    mode: 'create',
    verify: way === 'same',
    globals: true,
    noOwner: false,
    resize: false,
    agents: false,
    count: false,
  };
  await store.create(
    formatKey({ kind: 'restore-request', restore: id }),
    encode(RestoreRequest, request),
  );
}

/** Writes receipts of a phase, for these contents or for all that have an order. */
export async function writeReceipts(
  store: ObjectStore,
  size: SetSize,
  way: RestoreMode,
  phase: Phase,
  contents = way === 'resize' ? [-1] : contentsOf(size),
): Promise<void> {
  const id = restoreId(way);
  const relations =
    phase === 'data'
      ? countsOf(size).map(({ relation, rows }) => ({
          schema: 'public',
          name: nameOf(relation),
          rows,
        }))
      : [];
  for (const content of contents) {
    const receipt = doneReceipt({ id, phase, content }, relations);
    const key = formatKey({ kind: 'restore-receipt', restore: id, phase, content });
    await store.create(key, encode(RestoreReceipt, receipt));
  }
}
