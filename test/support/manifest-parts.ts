import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decode } from '../../backup-set/base/document.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { type Manifest, ManifestPart } from '../../backup-set/documents/manifest.ts';

/**
 * Reads the parts of a manifest, in its order, from a directory store. Tests pick packs from them.
 */
export async function readManifestParts(
  folder: string,
  { timestamp, contents }: Pick<Manifest, 'timestamp' | 'contents'>,
): Promise<ManifestPart[]> {
  return Promise.all(
    contents.map(async ({ content }) => {
      const key = formatKey({ kind: 'manifest-part', timestamp, content });
      return decode(ManifestPart, { key, bytes: await readFile(join(folder, key)) });
    }),
  );
}
