import { namesSql } from '../../support/trouble/names.ts';
import { accessSql } from './access.ts';
import { logicSql } from './logic.ts';
import { partitionsSql } from './partitions.ts';
import { tablesSql } from './tables.ts';
import { valuesSql } from './values.ts';

export { dropGlobalsSql, globalsSql } from './access.ts';
export { bigSql } from './tables.ts';

export interface ObjectsOptions {
  /** The major version of Greenplum: 6 or 7. */
  readonly major: number;
  /** Prefix of every role and resource queue. `globalsSql` must have run with the same prefix. */
  readonly rolePrefix: string;
}

/**
 * Every kind of object of a Greenplum database, with about 150,000 rows, as scripts for a superuser
 * and an empty UTF8 database. Run them in this order. Greenplum's own pg_dump and psql restore all
 * of it (`fixture.test.ts`).
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
