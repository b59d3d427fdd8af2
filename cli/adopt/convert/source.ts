import type { MetadataFile } from '../../../backup-set/base/keys.ts';
import type { Source } from '../../../backup-set/documents/plan.ts';

/** A set of another tool, read once and judged: what every reader of such sets gives. */
export interface AdoptedSource {
  readonly timestamp: string;
  readonly database: string;
  readonly source: Source;
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
  /** Keys of tables that every segment has whole: the contents that list one ship it. */
  readonly replicated?: ReadonlySet<string>;
  /** Keys of tables whose rows belong to other segments in the target; absent: all tables. */
  readonly redistributed?: ReadonlySet<string>;
  /** With `--partial`: why the set is not complete. */
  readonly failures: readonly { readonly content: number | undefined; readonly message: string }[];
}

/** The rows of one segment. */
export interface SourceContent {
  readonly content: number;
  readonly host: string;
  readonly port: number;
  /** As the first reading has counted them. */
  readonly relations: readonly CountedRelation[];
  /** Reads the rows again. Each relation's rows are read to their end before the next. */
  read(signal: AbortSignal): AsyncIterable<SourceRows>;
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
