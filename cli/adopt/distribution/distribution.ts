import type { DefinedObject } from '../../../backup-set/documents/plan.ts';
import type { ArchivedObject } from '../archive/write-archive.ts';

/** The definitions of a dump of PostgreSQL for Greenplum. */
export interface Distribution {
  /** @throws StowageError `usage/flag` when a name of the file is no table of any database. */
  judge(databases: readonly Definitions[]): void;
  objects(facts: Definitions): readonly ArchivedObject[];
  /** What Greenplum cannot have. */
  leftOut(facts: Definitions): readonly DefinedObject[];
}

export interface Definitions {
  readonly objects: readonly ArchivedObject[];
  readonly encoding: string;
}
