import * as z from 'zod';
import { Count } from '../base/document.ts';
import { parseFile } from '../base/keys/more-keys.ts';
import { Timestamp } from '../base/timestamps.ts';

/** What a name that gpbackup gives a file says. */
export interface FileName {
  readonly timestamp: string;
  /** −1 for the files of the coordinator. */
  readonly content: number;
  /** The table whose rows it has. Undefined: another file, or the rows of all tables. */
  readonly oid: number | undefined;
  /** Rows of tables, as COPY CSV prints them. */
  readonly hasRows: boolean;
  readonly compression: Compression;
}

export type Compression = 'gzip' | 'zstd' | 'none';

const COMPRESSIONS: Readonly<Record<string, Compression>> = { '.gz': 'gzip', '.zst': 'zstd' };
const OF_SEGMENT = /^gpbackup_(\d{1,6})_(\d{14})(?:_(\d{1,10}))?(\.gz|\.zst)?$/;
const SEGMENT_TOC = /^gpbackup_(\d{1,6})_(\d{14})_toc\.yaml$/;
const OF_COORDINATOR =
  /^gpbackup_(\d{14})_(?:metadata\.sql|toc\.yaml|config\.yaml|report|statistics\.sql|plugin_config\.yaml)$/;

/** Undefined for a name that gpbackup gives no file, and for a timestamp that no calendar has. */
export function parseFileName(name: string): FileName | undefined {
  const found = ofSegment(name) ?? ofCoordinator(name);
  return found !== undefined && Timestamp.safeParse(found.timestamp).success ? found : undefined;
}

function ofSegment(name: string): FileName | undefined {
  const [, content, timestamp = '', oid, suffix = ''] = OF_SEGMENT.exec(name) ?? [];
  if (content !== undefined)
    return {
      timestamp,
      content: Number(content),
      oid: oid === undefined ? undefined : Number(oid),
      hasRows: true,
      compression: COMPRESSIONS[suffix] ?? 'none',
    };
  const toc = SEGMENT_TOC.exec(name);
  return toc === null
    ? undefined
    : { ...WITHOUT_ROWS, timestamp: toc[2] ?? '', content: Number(toc[1]) };
}

function ofCoordinator(name: string): FileName | undefined {
  const timestamp = OF_COORDINATOR.exec(name)?.[1];
  return timestamp === undefined ? undefined : { ...WITHOUT_ROWS, timestamp, content: -1 };
}

const WITHOUT_ROWS = { oid: undefined, hasRows: false, compression: 'none' } as const;

/** Fields of a file of another tool: in its receipt, and in a part of the manifest. */
export const storedFile = {
  file: z
    .string()
    .refine((name) => parseFile(`data/0/${name}`) !== undefined, 'not a name of gpbackup'),
  /** Rows that it has, counted while it was stored. Absent = it has none of a table. */
  rows: Count.exactOptional(),
  /** The size of these rows, decompressed. */
  rowBytes: Count.exactOptional(),
};
