import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isStowageError, messageOf, StowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { sealedBytes } from '../../../frame/seal/seal.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import type { StoredReceipts } from './receipts.ts';

const SOURCE_BYTES_MAX = 512 * 1024 * 1024;

/** Reads a file of the coordinator that gpbackup has stored; undefined when it has not. */
export type ReadSource = (rest: string) => Promise<Buffer | undefined>;

const nameOf = (timestamp: string, rest: string) => `gpbackup_${timestamp}_${rest}`;

export function storedSources(store: ObjectStore, timestamp: string): ReadSource {
  return async (rest) => {
    const name = nameOf(timestamp, rest);
    const key = formatKey({ kind: 'file', timestamp, content: -1, name });
    try {
      return Buffer.from(await store.read(key, { bytesMax: SOURCE_BYTES_MAX }));
    } catch (error) {
      if (isStowageError(error, 'storage/not-found')) return undefined;
      throw error;
    }
  };
}

/**
 * Of an encrypted set: from the folder of gpbackup, where it leaves them. Another process of this
 * host may have stored them, whose key is gone.
 */
export function localSources(
  folder: string,
  timestamp: string,
  receipts: StoredReceipts,
): ReadSource {
  return async (rest) => {
    const name = nameOf(timestamp, rest);
    const stored = receipts.get(name)?.receipt.object;
    if (stored === undefined) return undefined;
    const path = join(folder, name);
    const failed = (why: string, cause?: unknown) =>
      new StowageError('gpbackup/failed', `set ${timestamp} cannot be sealed: ${path} ${why}`, {
        cause,
      });
    const bytes = await readFile(path).catch((cause: unknown) => {
      throw failed(`cannot be read (${messageOf(cause)})`, cause);
    });
    if (sealedBytes(bytes.byteLength) === stored.bytes) return bytes;
    throw failed(`has changed since it was stored: it has ${bytes.byteLength} bytes now`);
  };
}
