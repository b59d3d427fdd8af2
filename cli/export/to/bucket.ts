import { encode, FORMAT_VERSION } from '../../../backup-set/base/document.ts';
import { isStowageError, StowageError } from '../../../backup-set/base/errors.ts';
import { TOOL } from '../../../backup-set/base/tool.ts';
import { ExportReceipt } from '../../../backup-set/documents/export/receipt.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import type { Measured } from './measured.ts';

interface ExportKeys {
  readonly file: string;
  readonly receipt: string;
}

/** @throws StowageError `file/exists` when the name was used before. */
export async function requireNewExport(
  store: ObjectStore,
  { file, receipt }: ExportKeys,
  signal: AbortSignal,
): Promise<void> {
  for (const key of [receipt, file])
    if ((await store.head(key, { signal })) !== undefined) throw exists(store, key);
}

/**
 * Uploads the file, then its receipt. Both are create-only. The object is visible when it is whole.
 * @throws StowageError `file/exists`; `storage/…`; an error of the source.
 */
export async function toBucket(
  store: ObjectStore,
  { file, receipt }: ExportKeys,
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  describe: () => Omit<ExportReceipt, 'format' | 'version' | 'tool' | 'object'> & {
    readonly measured: Measured;
  },
): Promise<void> {
  const stored = await store.upload(file, source, { signal }).catch((error: unknown) => {
    throw isStowageError(error, 'storage/exists') ? exists(store, file) : error;
  });
  const { measured, ...fields } = describe();
  const { etag } = stored;
  const document: ExportReceipt = {
    format: 'stowage/export',
    version: FORMAT_VERSION,
    tool: TOOL,
    object: { key: file, ...measured, ...(etag !== undefined && { etag }) },
    ...fields,
  };
  await store.create(receipt, encode(ExportReceipt, document), { signal });
}

function exists(store: ObjectStore, key: string): StowageError {
  return new StowageError(
    'file/exists',
    `${store.url}/${key} exists already: choose another --name`,
    { where: { object: key } },
  );
}
