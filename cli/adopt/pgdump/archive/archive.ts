import type { RawEntry, RawToc } from './raw-toc.ts';

/** An archive of pg_dump in any of its formats. */
export interface Archive {
  readonly toc: RawToc;
  /** Each item is a file of its own: what is wrong with one says nothing about the others. */
  readonly hasOwnFiles: boolean;
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
