import type { Name } from '../../../backup-set/base/document.ts';
import type { MetadataFile } from '../../../backup-set/base/keys.ts';
import type { Group, Locale, Source } from '../../../backup-set/documents/plan.ts';

/** A set of another tool, read once and judged: what every reader of such sets gives. */
export interface AdoptedSource {
  readonly timestamp: string;
  readonly database: string;
  readonly source: Source;
  /** Absent: `greenplum`. A set of `shards` has content 0 only, which has the definitions, too. */
  readonly flavour?: 'shards' | undefined;
  readonly locale?: Locale | undefined;
  /** Materialized views in an order in which they can be refreshed. */
  readonly refresh?: readonly Name[];
  /** Files of the content with the definitions that are among the rows of content 0. */
  readonly filesAmongRows?: readonly MetadataFile[];
  /** Of the server that the tool has dumped. */
  readonly serverVersion: string;
  /** Of names and rows. */
  readonly encoding: string;
  /** Content −1, which has the definitions. */
  readonly coordinator: { readonly host: string; readonly port: number };
  readonly metadata: readonly { readonly file: MetadataFile; readonly bytes: Uint8Array }[];
  /** Contents 0…N−1. */
  readonly contents: readonly SourceContent[];
  /** The root of a leaf partition, by the key of the leaf. */
  readonly partitionRoots: ReadonlyMap<string, { readonly schema: string; readonly name: string }>;
  /** With `--partial`: tables that the set must have, and has not. */
  readonly lacking?: readonly SourceRelation[];
  readonly group?: Group | undefined;
  /** Keys of tables that every segment has whole: the contents that list one ship it. */
  readonly replicated?: ReadonlySet<string>;
  /** Keys of tables whose rows belong to other segments in the target; absent: all tables. */
  readonly redistributed?: ReadonlySet<string>;
  /** With `--partial`: why the set is not complete. */
  readonly failures: readonly { readonly content: number | undefined; readonly message: string }[];
  /** The key of the encrypted set of ours that is converted. */
  readonly originalKey?: Buffer | undefined;
}

/** The rows of one segment. */
export interface SourceContent {
  readonly content: number;
  readonly host: string;
  readonly port: number;
  /** As the first reading has counted them. */
  readonly relations: readonly CountedRelation[];
  /** Reads the rows again. Each part is read to its end before the next. */
  read(signal: AbortSignal): AsyncIterable<SourcePart>;
}

export type SourcePart = SourceRows | SourceFile;

/** A file that the source has among its rows. */
export interface SourceFile {
  readonly file: MetadataFile;
  readonly chunks: AsyncIterable<Buffer>;
}

export interface SourceRelation {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly string[];
}

export interface CountedRelation extends SourceRelation {
  readonly rows: number;
  readonly bytes: number;
  readonly crc: number;
}

export interface SourceRows extends SourceRelation {
  readonly rows: AsyncIterable<Buffer>;
}

/** Of a table, whatever its columns are. */
export const tableKey = ({ schema, name }: Pick<SourceRelation, 'schema' | 'name'>) =>
  JSON.stringify([schema, name]);

/** Of a relation: with other columns it is another one. */
export const relationKey = ({ schema, name, columns }: SourceRelation) =>
  JSON.stringify([schema, name, columns]);

/** The name in a `relationKey`. */
export function nameIn(key: string): Name {
  const [schema, name] = JSON.parse(key) as [string, string];
  return { schema, name };
}
