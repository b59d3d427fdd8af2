import { accessSql } from './access.ts';
import { behaviourSql } from './behaviour.ts';
import { constraintsSql } from './constraints.ts';
import { namesSql } from './names.ts';
import { objectsSql } from './objects.ts';
import { partitionsSql } from './partitions.ts';
import { relationsSql } from './relations.ts';
import { sizesSql } from './sizes.ts';
import { textsSql } from './texts.ts';
import { typesSql } from './types.ts';

export { bigTable, smallTables } from './sizes.ts';

export interface TroubleOptions {
  /** The shard. Each shard gets different rows in the same tables. */
  readonly content: number;
  /** Prefix of every role. Roles belong to the whole server, which two tests may share. */
  readonly rolePrefix: string;
}

/**
 * Everything in a PostgreSQL database that backup tools are known to get wrong. It is SQL for a
 * superuser and an empty UTF8 database, PostgreSQL 13 to 17, with Debian's contrib modules. Each
 * string is one script of several statements; run them in this order. pg_dump and pg_restore
 * restore all of it (`test/integration/data/trouble.test.ts`). What they cannot restore is left out
 * and named in a comment.
 *
 * A copy lacks the temporary table, which exists only as long as the session that ran the scripts.
 */
export function troubleSchema(options: TroubleOptions): string[] {
  return [
    typesSql(options.content),
    textsSql(options.content),
    namesSql(options.content),
    relationsSql(options.content),
    partitionsSql(options.content),
    constraintsSql(options.content),
    objectsSql(options.content),
    sizesSql(options.content),
    behaviourSql(options.content),
    accessSql(options.rolePrefix),
  ];
}
