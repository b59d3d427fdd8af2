import type { Name } from '../../../backup-set/base/document.ts';
import type { DefinedObject, Locale } from '../../../backup-set/documents/plan.ts';
import type { SequenceValue } from '../../../database/catalog/sequences.ts';
import type { ScriptObject } from '../archive/script-objects.ts';
import type { ArchivedObject } from '../archive/write-archive.ts';
import type { SourcePart, SourceRelation } from '../convert/source.ts';

/** One database of a dump, read once from its beginning to its end. */
export interface DatabaseDump {
  /**
   * In the order of the dump. The reader takes each to its end before the next.
   * @param known from an earlier reading: a script has rights of large objects behind their bytes.
   */
  parts(known?: DumpFacts): AsyncGenerator<SourcePart>;
  /** Known when the parts were read to their end. */
  facts(): DumpFacts;
  /** The tables that it must have, as far as its front says it. */
  expected(): readonly SourceRelation[];
}

/** What a dump says besides rows. */
export interface DumpFacts {
  /** Undefined: a script does not name it. */
  readonly database: string | undefined;
  readonly encoding: string;
  readonly serverVersion: string;
  readonly dumpVersion: string;
  readonly locale: Locale | undefined;
  readonly standardStrings: boolean;
  /** `schema.dump` for PostgreSQL. */
  readonly archive: () => Buffer;
  /** The same definitions one by one, with one character per byte (latin1). */
  readonly objects: readonly ArchivedObject[];
  readonly sequences: readonly SequenceValue[];
  /** Materialized views with rows, in an order in which they can be refreshed. */
  readonly refresh: readonly Name[];
  /** The root of a leaf partition, by the key of the leaf. */
  readonly partitionRoots: ReadonlyMap<string, Name>;
  readonly leftOut: readonly DefinedObject[];
  /** Of a script. */
  readonly largeObjects?: readonly ScriptObject[];
  /** Of a script: large objects whose rights or comments are behind their bytes. */
  readonly lateRights?: readonly string[];
}

/** What a file holds: one database, or with pg_dumpall several and the globals. */
export interface Dump {
  readonly tool: 'pg_dump' | 'pg_dumpall';
  /** The timestamp in it, in local time of its host; undefined: it has none. */
  readonly createdAt: string | undefined;
  /** Each must be read to its end before the next. */
  databases(): AsyncGenerator<DatabaseDump>;
  /** Of pg_dumpall; known behind the first database. */
  globals(): Buffer | undefined;
}
