import { posix } from 'node:path';
import type { CompressionName, PlacedFile } from '../files/decompressed.ts';

/** What a file of a gpbackup set is, by its name. */
export type SetFile =
  | { readonly kind: 'config' | 'toc' | 'metadata' | 'report' | 'statistics' }
  | { readonly kind: 'segment-toc'; readonly content: number }
  | {
      readonly kind: 'data';
      readonly content: number;
      /** Undefined: the file has all tables (`--single-data-file`). */
      readonly oid: number | undefined;
      readonly compression: CompressionName;
    };

const OF_SET = /^gpbackup_(\d{14})_(?:(config|toc)\.yaml|(metadata|statistics)\.sql|(report))$/;
const OF_SEGMENT = /^gpbackup_(\d+)_(\d{14})(?:_(?:(\d+)|(toc\.yaml)))?(?:\.(gz|zst))?$/;
const COMPRESSIONS = { gz: 'gzip', zst: 'zstd' } as const;

/** Undefined: it is no file of such a set, or plugin_config.yaml, which has keys: never read. */
export function parseName(name: string): (SetFile & { readonly timestamp: string }) | undefined {
  const [, timestamp, yaml, sql, report] = OF_SET.exec(name) ?? [];
  const kind = (yaml ?? sql ?? report) as 'config' | 'toc' | 'metadata' | 'report' | undefined;
  if (timestamp !== undefined && kind !== undefined) return { kind, timestamp };
  const [, content, of, oid, toc, extension] = OF_SEGMENT.exec(name) ?? [];
  if (content === undefined || of === undefined) return undefined;
  if (toc !== undefined)
    return extension === undefined
      ? { kind: 'segment-toc', content: Number(content), timestamp: of }
      : undefined;
  return {
    kind: 'data',
    content: Number(content),
    oid: oid === undefined ? undefined : Number(oid),
    compression:
      extension === undefined ? 'none' : COMPRESSIONS[extension as keyof typeof COMPRESSIONS],
    timestamp: of,
  };
}

/** Where gpbackup puts the files of a set, below a folder of its own. */
export const folderOf = (timestamp: string) =>
  `backups/${timestamp.slice(0, 8)}/${timestamp}/` as const;

export const baseName = ({ name }: Pick<PlacedFile, 'name'>) => posix.basename(name);

export const dataName = (
  content: number,
  timestamp: string,
  oid: number | undefined,
  compression: CompressionName,
) => {
  const extension = { gzip: '.gz', zstd: '.zst', none: '' }[compression];
  return `gpbackup_${content}_${timestamp}${oid === undefined ? '' : `_${oid}`}${extension}`;
};
