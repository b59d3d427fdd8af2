import type { ObjectStore } from '../../../storage/store.ts';
import type { Flags } from '../../command.ts';
import type { ClusterContext } from '../../context.ts';
import type { Distribution } from '../distribution/distribution.ts';

/** One `stowage adopt pg_dump`. */
export interface PgDumpRun {
  readonly context: ClusterContext;
  readonly flags: Flags;
  readonly store: ObjectStore;
  /** Where the dump lies. */
  readonly place: string;
  /** How Greenplum distributes the tables; undefined: the set is for PostgreSQL. */
  readonly distribution: Distribution | undefined;
  readonly waitMs: number;
}
