import { describe, expect, test } from 'vitest';
import { faultOf } from './programs.ts';

const SERVER = '9.4.26';
const GREENPLUM_HELP =
  '  --gp-syntax                  dump with Greenplum Database syntax (default if gpdb)';

describe('the check of dump and restore programs', () => {
  test.each([
    ['pg_dump', 'pg_dump (PostgreSQL) 9.4.26\n', GREENPLUM_HELP, SERVER],
    ['pg_dumpall', 'pg_dumpall (PostgreSQL) 9.4.24\n', GREENPLUM_HELP, SERVER],
    ['pg_restore', 'pg_restore (Greenplum Database) 9.4.26\n', '', SERVER],
    ['psql', 'psql (PostgreSQL) 9.4.26\n', '', SERVER],
    ['pg_dump', 'pg_dump (PostgreSQL) 12.12\n', GREENPLUM_HELP, '12beta2'],
  ] as const)('%s: the server’s own', (program, version, help, server) => {
    expect(faultOf(program, { version, help }, server)).toBeUndefined();
  });

  test.each([
    ['pg_dump', 'pg_dump (PostgreSQL) 9.4.26\n', '--schema-only', 'loses Greenplum'],
    ['pg_dumpall', 'pg_dumpall (PostgreSQL) 15.18 (Debian)\n', '', "PostgreSQL's 15.18"],
    ['pg_restore', 'pg_restore (PostgreSQL) 9.4.26\n', '', "not Greenplum's"],
    ['pg_dump', 'pg_dump (PostgreSQL) 12beta2\n', GREENPLUM_HELP, 'PostgreSQL 12beta2'],
    ['psql', 'psql (PostgreSQL) 9.3.1\n', '', 'PostgreSQL 9.3.1'],
  ] as const)('%s %s: not the server’s', (program, version, help, words) => {
    expect(faultOf(program, { version, help }, SERVER)).toContain(words);
  });
});
