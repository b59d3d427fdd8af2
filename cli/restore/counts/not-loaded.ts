import { DOCUMENT_BYTES_MAX, decode } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { RestoreReceipt } from '../../../backup-set/documents/restore/restore.ts';
import type { ExpectedRelation } from '../expected.ts';
import type { RestoreRun } from '../run.ts';

/** The relations that a content has loaded, without those that its receipt names as not loaded. */
export async function withoutNotLoaded(
  { store, request }: Pick<RestoreRun, 'store' | 'request'>,
  content: number,
  expected: readonly ExpectedRelation[],
): Promise<readonly ExpectedRelation[]> {
  if (request.onError !== 'continue') return expected;
  const key = formatKey({ kind: 'restore-receipt', restore: request.id, phase: 'data', content });
  const bytes = await store.read(key, { bytesMax: DOCUMENT_BYTES_MAX });
  const { notLoaded = [] } = decode(RestoreReceipt, { key, bytes });
  const names = new Set(notLoaded.map(nameOf));
  return expected.filter(({ relation }) => !names.has(nameOf(relation)));
}

const nameOf = ({ schema, name }: { schema: string; name: string }) =>
  JSON.stringify([schema, name]);
