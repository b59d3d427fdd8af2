import { Readable } from 'node:stream';
import { formatKey, parseKey, setPrefix } from '../../../backup-set/base/keys.ts';
import { parseFileName } from '../../../backup-set/files/names.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import type { SourceFile, SourceFiles } from '../../adopt/files/source-files.ts';
import { baseName, folderOf } from '../../adopt/gpbackup/names.ts';

const CHUNK_BYTES = 256 * 1024;

/** The files of gpbackup in the sets of a root, in the folders that gpbackup gives them. */
export function filesOfSets(store: ObjectStore, timestamps: readonly string[]): SourceFiles {
  const filesOf = async (timestamp: string, signal: AbortSignal) => {
    const found: SourceFile[] = [];
    for await (const { key, bytes } of store.list(`${setPrefix(timestamp)}data/`, { signal })) {
      const parsed = parseKey(key);
      if (parsed?.kind === 'file')
        found.push({ name: `${folderOf(timestamp)}${parsed.name}`, bytes });
    }
    return found;
  };
  return {
    place: store.url,
    async list(signal, below = '') {
      const wanted = timestamps.filter((timestamp) => folderOf(timestamp).startsWith(below));
      const lists: SourceFile[] = [];
      for (const timestamp of wanted) lists.push(...(await filesOf(timestamp, signal)));
      return lists;
    },
    async open(path, signal, range) {
      const name = baseName({ name: path });
      const { timestamp = '', content = -1 } = parseFileName(name) ?? {};
      const key = formatKey({ kind: 'file', timestamp, content, name });
      return Readable.from(store.get(key, { signal, ...range }), {
        objectMode: false,
        highWaterMark: CHUNK_BYTES,
      });
    },
    // The store belongs to the caller.
    close: () => Promise.resolve(),
  };
}
