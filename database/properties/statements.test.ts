import { describe, expect, it, test } from 'vitest';
import { propertyStatements, UnknownProperty } from './statements.ts';

const sqlOf = (text: string, target = 'new') =>
  propertyStatements(text, target).map(({ sql }) => sql);

describe('the properties of a database', () => {
  it.each([
    ['ALTER DATABASE shop CONNECTION LIMIT = 17;', 'ALTER DATABASE "new" CONNECTION LIMIT = 17'],
    ['ALTER DATABASE "a ""b" IS_TEMPLATE = true;', 'ALTER DATABASE "new" IS_TEMPLATE = true'],
    [
      `ALTER DATABASE shop SET search_path TO 'app', 'We "Ird', 'shop';`,
      `ALTER DATABASE "new" SET search_path TO 'app', 'We "Ird', 'shop'`,
    ],
    [
      `ALTER DATABASE shop SET "my.x" TO E'a\\'; DATABASE shop';`,
      `ALTER DATABASE "new" SET "my.x" TO E'a\\'; DATABASE shop'`,
    ],
    [
      `ALTER ROLE "database" IN DATABASE shop SET work_mem TO '1MB';`,
      `ALTER ROLE "database" IN DATABASE "new" SET work_mem TO '1MB'`,
    ],
    [`COMMENT ON DATABASE shop IS 'the shop; é';`, `COMMENT ON DATABASE "new" IS 'the shop; é'`],
    [
      `SECURITY LABEL FOR selinux ON DATABASE shop IS 'x';`,
      `SECURITY LABEL FOR selinux ON DATABASE "new" IS 'x'`,
    ],
    [
      'REVOKE CONNECT,TEMPORARY ON DATABASE shop FROM PUBLIC;',
      'REVOKE CONNECT,TEMPORARY ON DATABASE "new" FROM PUBLIC',
    ],
    [
      'GRANT ALL ON DATABASE shop TO "shop" WITH GRANT OPTION;',
      'GRANT ALL ON DATABASE "new" TO "shop" WITH GRANT OPTION',
    ],
  ])('%s names the database of the target', (text, sql) => {
    expect(sqlOf(text)).toEqual([sql]);
  });

  it('are separate statements in the order of the text', () => {
    const text = `\nSET SESSION AUTHORIZATION a;\nGRANT CREATE ON DATABASE d TO b;\nRESET SESSION AUTHORIZATION;\n`;
    expect(propertyStatements(text, 'a"b').map(({ kind, sql }) => [kind, sql])).toEqual([
      ['authorization', 'SET SESSION AUTHORIZATION a'],
      ['right', 'GRANT CREATE ON DATABASE "a""b" TO b'],
      ['authorization', 'RESET SESSION AUTHORIZATION'],
    ]);
  });

  it('are told to the user without the values of settings', () => {
    const text = `ALTER DATABASE d SET my.password TO 'secret';\nALTER DATABASE d CONNECTION LIMIT = -1;`;
    expect(propertyStatements(text, 'd').map(({ what, limit }) => [what, limit])).toEqual([
      ['ALTER DATABASE "d" SET my.password', undefined],
      ['ALTER DATABASE "d" CONNECTION LIMIT = -1', -1],
    ]);
  });
});

test.each([
  ['a statement about something else', 'DROP DATABASE shop;'],
  ['a superuser', 'ALTER ROLE evil SUPERUSER;'],
  ['a role without a database', `ALTER ROLE evil SET search_path TO 'x';`],
  ['the removal of rights on a table', 'REVOKE ALL ON TABLE shop FROM PUBLIC;'],
  ['a move to another tablespace', 'ALTER DATABASE shop SET TABLESPACE x;'],
  ['a second statement in a comment', `COMMENT ON DATABASE shop IS 'x' || (SELECT 1);`],
  ['a statement without end', 'ALTER DATABASE shop IS_TEMPLATE = true'],
  ['a program', `COPY (SELECT 1) TO PROGRAM 'x';`],
])('a text with %s is not taken for properties of a database', (_, text) => {
  expect(() => propertyStatements(text, 'new')).toThrow(UnknownProperty);
});
