import { namesSql } from '../../support/trouble/names.ts';
import { accessSql } from './access.ts';
import { logicSql } from './logic.ts';
import { partitionsSql } from './partitions.ts';
import { tablesSql } from './tables.ts';
import { valuesSql } from './values.ts';

export { dropGlobalsSql, globalsSql } from './access.ts';
export { bigSql } from './tables.ts';

export interface ObjectsOptions {
  /** Of Greenplum: 6 or 7. */
  readonly major: number;
  /** Starts the name of every role and resource queue, as for `globalsSql`, which must have run. */
  readonly rolePrefix: string;
}

/**
 * Every kind of object that a Greenplum database can hold, with some 150,000 rows, as scripts for a superuser and an
 * empty database of encoding UTF8; to be run in this order. Greenplum's own pg_dump and psql bring back the whole of
 * it (`fixture.test.ts`), but for the rows of the unlogged table.
 */
export function objectsSql({ major, rolePrefix }: ObjectsOptions): string[] {
  return [
    tablesSql(),
    valuesSql(),
    namesSql(1),
    partitionsSql(major),
    logicSql(major),
    accessSql(rolePrefix, major),
  ];
}
