import { Readable } from 'node:stream';
import { openStore } from '../../../storage/open.ts';
import type { StoreSettings } from '../../../storage/settings.ts';
import type { SourceFile, SourceFiles } from './source-files.ts';

const CHUNK_BYTES = 256 * 1024;

/**
 * The files below a prefix of a bucket. A read that breaks off continues behind the last byte; an
 * object that was replaced meanwhile is an error (storage/s3/get.ts).
 */
export async function filesOfBucket(settings: StoreSettings): Promise<SourceFiles> {
  const store = await openStore(settings);
  return {
    place: store.url,
    async list(signal, below = '') {
      const found: SourceFile[] = [];
      // Consoles make such an object for a folder.
      for await (const { key, bytes } of store.list(below, { signal }))
        if (!key.endsWith('/')) found.push({ name: key, bytes });
      return found;
    },
    async open(name, signal) {
      const chunks = store.get(name, { signal });
      return Readable.from(chunks, { objectMode: false, highWaterMark: CHUNK_BYTES });
    },
    close: () => store.close(),
  };
}
