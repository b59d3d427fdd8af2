import type { GeneratedColumn } from '../backup-set/documents/plan.ts';

/** Why a relation of the database has no rows in a set. */
export type NotShippedReason =
  | 'unlogged'
  | 'foreign'
  | 'external'
  | 'materialized-view'
  | 'extension-member'
  | 'excluded'
  | 'partitioned-root';

/** A relation whose rows are shipped. */
export interface DiscoveredRelation {
  readonly schema: string;
  readonly name: string;
  readonly kind: 'table' | 'partition';
  /**
   * In attribute order, without generated and dropped columns. Empty for a table of zero columns.
   */
  readonly columns: readonly string[];
  /** The type of each column, as `format_type` prints it. */
  readonly types?: readonly string[];
  /** Absent = not known (Greenplum). */
  readonly generated?: readonly GeneratedColumn[];
  /** Only rows for which this SQL condition holds (an extension's configuration table). */
  readonly condition?: string;
  /** Every segment has all its rows, and one of them sends them. */
  readonly replicated?: true;
  /** In another database its rows may belong to other segments. */
  readonly redistribute?: true;
  /** Its rows are on the first segments only, so many, while gpexpand runs; absent = on all. */
  readonly segments?: number;
  /** Dispatch: a small table, all of whose rows the coordinator's shipper reads. */
  readonly fromCoordinator?: true;
  /** Topmost partitioned table. */
  readonly partitionRoot?: { readonly schema: string; readonly name: string };
  /** pg_table_size, in whole bytes, for scheduling and progress only; 0 when unknown. */
  readonly bytesEstimated: number;
}
