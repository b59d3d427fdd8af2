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
  /** Which shard this is: every table holds other rows on every shard. */
  readonly content: number;
  /** Starts the name of every role, so that two tests can share a server: roles belong to the whole server. */
  readonly rolePrefix: string;
}

/**
 * Everything in a PostgreSQL database that has ever made a backup lie, as SQL for a superuser and an empty database
 * of encoding UTF8, PostgreSQL 13 to 17, Debian's contrib modules present. Each string is one script (several statements);
 * run them in this order. pg_dump and pg_restore bring back the whole of it
 * (`test/integration/data/trouble.test.ts`); what they do not is left out, and named in a comment where it would stand.
 *
 * Not to be expected in a copy: rows of unlogged and temporary tables. The temporary table is there only while the
 * session that ran the scripts lives.
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
