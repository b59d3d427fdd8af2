import * as z from 'zod';
import { Count, header, IsoDate, Name, Sha256 } from './documents.ts';
import { METADATA_FILES } from './keys.ts';
import { NotShipped, Relation, SegmentFacts, Snapshot } from './plan.ts';
import { Extent, StoredAs } from './receipt.ts';
import { Selection } from './selection.ts';
import { Timestamp } from './timestamps.ts';

const ManifestContent = SegmentFacts.extend({
  refresh: z.array(Name),
  metadata: z.array(StoredAs.extend({ file: z.enum(METADATA_FILES) })),
  relations: z.array(z.object({ relation: Count, rows: Count, bytes: Count })),
  packs: z.array(StoredAs.extend({ extents: z.array(Extent) })),
});
export type ManifestContent = z.infer<typeof ManifestContent>;

/** manifest.json: exists exactly when the set is complete, and is all a restore needs to know. */
export const Manifest = z.object({
  ...header('manifest'),
  timestamp: Timestamp,
  startedAt: IsoDate,
  sealedAt: IsoDate,
  cluster: z.string(),
  flavour: z.string(),
  database: z.string(),
  root: z.string(),
  tool: z.string(),
  snapshot: Snapshot,
  compression: z.object({ algorithm: z.literal('zstd'), level: z.int() }),
  selection: Selection,
  proof: z.object({ planSha256: Sha256, sealSha256: Sha256 }),
  totals: z.object({
    contents: Count,
    relations: Count,
    rows: Count,
    bytes: Count,
    storedBytes: Count,
    objects: Count,
    extents: Count,
  }),
  relations: z.array(Relation),
  notShipped: z.array(NotShipped),
  contents: z.array(ManifestContent),
});
export type Manifest = z.infer<typeof Manifest>;

/** Every object the set needs, each once. */
export function* objectsOf(manifest: Manifest): Generator<StoredAs & { readonly content: number }> {
  for (const { content, metadata, packs } of manifest.contents) {
    for (const { key, bytes, crc32, etag } of [...metadata, ...packs]) {
      yield { content, key, bytes, crc32, ...(etag === undefined ? {} : { etag }) };
    }
  }
}
