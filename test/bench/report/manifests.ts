import { decode } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { Manifest, ManifestPart } from '../../../backup-set/documents/manifest.ts';
import { openStore } from '../../../storage/open.ts';
import type { StoredSet } from '../contenders/stowage.ts';
import type { Bench } from '../scenario.ts';
import { awsVariables } from '../setup/store.ts';

/** The bytes that a restore of one table must read. */
export interface Needed {
  /** The extents of the table on all segments. */
  readonly extentBytes: number;
  /** manifest.json and the parts of all segments. */
  readonly manifestBytes: number;
}

/** Larger than any document of a set of one segment. */
const BYTES_MAX = 64 * 1024 ** 2;

/** Reads the manifest of a set and adds up what a restore of one table needs. */
export async function neededFor({ store }: Bench, set: StoredSet, table: string): Promise<Needed> {
  Object.assign(process.env, awsVariables(store));
  const { plainEndpoint: endpoint, region } = store;
  const objects = await openStore({ root: set.root, s3: { endpoint, region } });
  const read = async (key: string) => ({
    key,
    bytes: await objects.read(key, { bytesMax: BYTES_MAX }),
  });
  try {
    const { timestamp } = set;
    const body = await read(formatKey({ kind: 'manifest', timestamp }));
    const manifest = decode(Manifest, body);
    const relation = manifest.relations.find(({ name }) => name === table)?.id;
    let [extentBytes, manifestBytes] = [0, body.bytes.length];
    for (const { content } of manifest.contents) {
      const partBody = await read(formatKey({ kind: 'manifest-part', timestamp, content }));
      manifestBytes += partBody.bytes.length;
      for (const { extents } of decode(ManifestPart, partBody).packs)
        for (const extent of extents)
          if (extent.relation === relation) extentBytes += extent.length;
    }
    return { extentBytes, manifestBytes };
  } finally {
    await objects.close();
  }
}
