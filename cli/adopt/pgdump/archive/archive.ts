import type { RawEntry, RawToc } from './raw-toc.ts';

/** An archive of pg_dump in any of its formats. */
export interface Archive {
  readonly toc: RawToc;
  /** In the order of the archive. The reader takes what it needs of one before the next. */
  items(): AsyncGenerator<ArchiveItem>;
}

/** What an archive has for an entry, decompressed. */
export type ArchiveItem =
  | {
      readonly kind: 'rows';
      readonly entry: RawEntry;
      readonly data: AsyncIterable<Buffer>;
    }
  | {
      readonly kind: 'large-objects';
      readonly entry: RawEntry;
      readonly objects: AsyncIterable<LargeObject>;
    };

export interface LargeObject {
  readonly oid: number;
  readonly data: AsyncIterable<Buffer>;
}

/** The entries whose data is large objects. */
export const LARGE_OBJECTS = 'BLOBS';
