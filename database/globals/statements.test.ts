import { describe, expect, it } from 'vitest';
import { globalStatements } from './statements.ts';

const OBJECT = 'metadata/0/1-globals.sql.zst';

function statementsOf(...lines: readonly string[]): [number, string][] {
  const text = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  return [...globalStatements(text, OBJECT)].map(({ line, bytes }) => [line, bytes.toString()]);
}

describe('the globals of a set', () => {
  it('are split into the statements that pg_dumpall of PostgreSQL writes', () => {
    const statements = [
      'SET default_transaction_read_only = off',
      "SET client_encoding = 'UTF8'",
      'SET standard_conforming_strings = on',
      'CREATE ROLE plain',
      "ALTER ROLE plain WITH NOSUPERUSER INHERIT NOLOGIN CONNECTION LIMIT -1 VALID UNTIL '2099-01-01 00:00:00+00'",
      'CREATE ROLE "a;""\n\\! x"',
      `COMMENT ON ROLE "a;""\n\\! x" IS E'it''s \\\\ ; \n\\\\! x'`,
      "ALTER ROLE plain SET search_path TO '$user', 'a''b'",
      `ALTER ROLE plain IN DATABASE "d;b" SET "my.x" TO '-- 1'`,
      'GRANT plain TO password WITH ADMIN OPTION, INHERIT FALSE, SET TRUE GRANTED BY postgres',
      'SET SESSION AUTHORIZATION plain',
      'GRANT SET, ALTER SYSTEM ON PARAMETER "my.x" TO plain WITH GRANT OPTION',
      'RESET SESSION AUTHORIZATION',
      "CREATE TABLESPACE fast OWNER plain LOCATION '/mnt/a;b'",
      'ALTER TABLESPACE fast SET (seq_page_cost=1.5, random_page_cost=2)',
      'REVOKE ALL ON TABLESPACE fast FROM PUBLIC',
      "SECURITY LABEL FOR selinux ON ROLE plain IS 'x;y'",
    ];
    const found = statementsOf(
      '--',
      '-- it\'s a comment; with a " quote',
      '--',
      '\\restrict abcXYZ1',
      ...statements.map((statement) => `${statement};`),
      '\\unrestrict abcXYZ1',
    );
    expect(found.map(([, text]) => text)).toEqual(statements);
    expect(found.slice(0, 6).map(([line]) => line)).toEqual([5, 6, 7, 8, 9, 10]);
  });

  it('are split into the statements that pg_dumpall of Greenplum writes', () => {
    const statements = [
      'ALTER RESOURCE QUEUE pg_default ACTIVE THRESHOLD 20 NOOVERCOMMIT\n WITH ( priority=medium,\n memory_limit=-1) ',
      "ALTER ROLE r DENY BETWEEN DAY 0 TIME '02:00:00' AND DAY 6 TIME '04:00:00'",
      'CREATE RESOURCE QUEUE q MAX COST 1e+09 MIN COST 0.5 NOOVERCOMMIT',
      "ALTER ROLE r DENY BETWEEN DAY 0 TIME '22:00:00' AND DAY 1 TIME '04:00:00'",
      'ALTER RESOURCE GROUP "admin_group" SET cpu_rate_limit 1',
      "CREATE RESOURCE GROUP g WITH (cpuset='0-1', memory_limit=10)",
      "ALTER ROLE gpadmin WITH SUPERUSER LOGIN RESOURCE QUEUE pg_default CREATEEXTTABLE (protocol='gpfdist', type='readable')",
      "CREATE TABLESPACE t OWNER gpadmin LOCATION '/a' WITH (content0='/b')",
    ];
    const found = statementsOf(...statements.map((statement) => `${statement};`));
    expect(found.map(([, text]) => text)).toEqual(statements);
  });

  it('are read with backslashes as escapes when the dump says so', () => {
    const found = statementsOf(
      'SET standard_conforming_strings = off;',
      "COMMENT ON ROLE a IS 'a\\';\\! x;';",
    );
    expect(found).toHaveLength(2);
  });

  it.each([
    ['a command of psql', '\\! touch x'],
    ['a command of psql in a statement', 'CREATE ROLE b \\! touch x\n;'],
    ['a command of psql behind a statement', 'CREATE ROLE b; \\! touch x'],
    ['a command of psql behind \\restrict', '\\restrict a \\! touch x'],
    ['\\restrict in a statement', 'CREATE ROLE\n\\restrict a\nb;'],
    ['a command of psql behind an escaped quote', `COMMENT ON ROLE b IS '\\'; \\! touch x';`],
    ['a command of psql behind a comment that a carriage return ends', '-- x\r\\! touch x'],
    ['a command of psql behind a block comment', '/* */ \\! touch x'],
    ['a program', `COPY (SELECT 1) TO PROGRAM 'touch x';`],
    ['a query', 'SELECT 1;'],
    ['a block of code', `DO $$ BEGIN PERFORM 1; END $$;`],
    ['a dollar quote', `COMMENT ON ROLE b IS $$x$$;`],
    ['a setting of the server', `ALTER SYSTEM SET archive_command = 'touch x';`],
    ['another setting of the session', `SET session_preload_libraries = 'x';`],
    ['a password', `ALTER ROLE postgres WITH LOGIN PASSWORD 'x';`],
    ['an encrypted password', `ALTER ROLE postgres WITH ENCRYPTED PASSWORD E'x';`],
    ['a database', 'CREATE DATABASE x;'],
    ['the removal of a role', 'DROP ROLE postgres;'],
    ['a right on a table', 'GRANT SELECT ON pg_authid TO b;'],
    ['membership by the old name', 'ALTER GROUP a ADD USER b;'],
    ['an open quote', `COMMENT ON ROLE b IS 'x;`],
    ['an open name', `CREATE ROLE "b;`],
    ['an escape at the end', `COMMENT ON ROLE b IS E'x\\`],
    ['a statement without end', 'CREATE ROLE b'],
    ['an empty statement', ';'],
    ['a NUL', 'CREATE ROLE b\0;'],
    ['a name with an escape', `CREATE ROLE U&"b";`],
  ])('are refused with line and object when they hold %s', (_, text) => {
    const line = text.startsWith('CREATE ROLE b;') ? '2' : '[23]';
    expect(() => statementsOf('CREATE ROLE a;', text)).toThrow(
      expect.objectContaining({
        code: 'set/unreadable',
        message: expect.stringMatching(`^line ${line} of the globals ${OBJECT} was refused: `),
        where: { object: OBJECT },
      }) as Error,
    );
  });

  it('are refused when a statement has more words than pg_dumpall writes', () => {
    const many = `ALTER ROLE a SET x TO ${'1, '.repeat(6_000)}1;`;
    expect(() => statementsOf(many)).toThrow('more than 10000 words');
  });
});
