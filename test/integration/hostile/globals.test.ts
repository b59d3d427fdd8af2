import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runGlobals } from '../../../database/globals/run-globals.ts';
import { globalStatements } from '../../../database/globals/statements.ts';
import { openSession } from '../../../database/session/session.ts';
import { dumpGlobals } from '../../../database/tools/dump.ts';
import { restoreGlobals } from '../../support/restore-globals.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server?.stop());

async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  return Buffer.concat(await Array.fromAsync(stream)).toString();
}

describe('the globals', () => {
  it('are restored with roles, comments, settings and tablespaces that have hostile names', async () => {
    const sources = [`"a""b;\nc\\! x"`, '"-- none"', '"/* $$"', '"password"', '"é 🙂"'];
    await server.psql(`
      ${sources.map((name) => `CREATE ROLE ${name};`).join('\n')}
      COMMENT ON ROLE "a""b;\nc\\! x" IS E'it''s\\n\\\\! touch x;\n\\\\! touch y';
      COMMENT ON ROLE "-- none" IS '$$ ; -- no comment';
      ALTER ROLE "password" SET search_path = "$user", 'a ''b', 'c\\d';
      ALTER ROLE "password" SET my.setting = E'two\nlines\\\\';
      ALTER ROLE "/* $$" CONNECTION LIMIT 3 VALID UNTIL 'infinity';
      ALTER ROLE "é 🙂" IN DATABASE postgres SET work_mem = '1MB';
      GRANT "-- none" TO "/* $$" WITH ADMIN OPTION;
      GRANT SET ON PARAMETER work_mem TO "password" WITH GRANT OPTION;`);
    const text = await textOf(dumpGlobals(server.target()).stdout);
    const roles = () =>
      server.psql(`
        SELECT rolname, rolconnlimit, rolvaliduntil, shobj_description(oid, 'pg_authid'),
               (SELECT array_agg(roleid::regrole::text) FROM pg_auth_members WHERE member = r.oid),
               (SELECT array_agg(setconfig::text ORDER BY 1) FROM pg_db_role_setting WHERE setrole = r.oid AND setdatabase = 0)
        FROM pg_roles r WHERE rolname ~ 'a"b|none|[$]|password|é' ORDER BY 1`);
    const before = await roles();
    expect(before).toContain('touch y');
    const parameters = () => server.psql('SELECT parname, paracl FROM pg_parameter_acl');
    const granted = await parameters();
    await server.psql('DROP OWNED BY "password"');
    await server.psql(sources.map((name) => `DROP ROLE ${name};`).join(' '));
    await restoreGlobals(server.target(), text);
    expect(await roles()).toBe(before);
    expect(await parameters()).toBe(granted);
  });

  it('are sent in the encoding that they name', async () => {
    await server.psql("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
    await server.psql('CREATE ROLE "für"', 'latin');
    const { stdout } = dumpGlobals(server.target('latin'));
    const globals = Buffer.concat(await Array.fromAsync<Uint8Array>(stdout));
    expect(globals.toString('latin1')).toContain('CREATE ROLE "f\u00fcr";');
    await server.psql('DROP ROLE "für"', 'latin');
    await restoreGlobals(server.target('postgres'), globals);
    expect(await server.psql('SELECT count(*) FROM pg_roles WHERE rolname = $$für$$')).toBe('1');
  });

  it('never run two statements where the server reads another text than we do', async () => {
    const session = await openSession(server.target(), {
      purpose: 'restore',
      applicationName: 'stowage test',
    });
    const bytes = Buffer.from('RESET SESSION AUTHORIZATION; CREATE TABLE public.second (a int)');
    const effect = { kind: 'other' } as const;
    const statement = { bytes, line: 7, effect, mayBeInTransaction: true, named: String };
    await expect(runGlobals(session, [statement])).rejects.toMatchObject({
      code: 'database/failed',
      message: expect.stringContaining('line 7: cannot insert multiple commands') as string,
    });
    await session.close();
  });
});

describe('a statement of the globals', () => {
  it('that fails is reported with line, code and message, after the others have run', async () => {
    const text =
      'CREATE ROLE postgres;\nCREATE ROLE early;\nGRANT missing TO early;\nCREATE ROLE late;\n';
    await expect(restoreGlobals(server.target(), text)).rejects.toMatchObject({
      code: 'database/failed',
      message: expect.stringContaining(
        'line 3: role "missing" does not exist (SQLSTATE 42704)',
      ) as string,
    });
    expect(
      await server.psql("SELECT count(*) FROM pg_roles WHERE rolname IN ('early', 'late')"),
    ).toBe('2');
  });

  it('that waits ends with an error when the connection breaks, and no later one runs', async () => {
    const session = await openSession(server.target(), {
      purpose: 'restore',
      applicationName: 'stowage test',
    });
    const blocker = await openSession(server.target(), {
      purpose: 'restore',
      applicationName: 'stowage test',
    });
    await blocker.query('BEGIN; CREATE ROLE waited');
    const text = Buffer.from('CREATE ROLE waited;\nCREATE ROLE never;\n');
    const running = expect(
      runGlobals(session, globalStatements(text, 'globals.sql.zst')),
    ).rejects.toMatchObject({ code: 'database/unreachable' });
    await server.psql(`SELECT pg_sleep(0.5), pg_terminate_backend(${session.pid})`);
    await running;
    await blocker.query('ROLLBACK');
    await Promise.all([session.close(), blocker.close()]);
    expect(await server.psql("SELECT count(*) FROM pg_roles WHERE rolname = 'never'")).toBe('0');
  });

  it('is one of as many as a large cluster has', async () => {
    const many = Array.from({ length: 2_000 }, (_, at) => `CREATE ROLE many_${at};\n`);
    await restoreGlobals(server.target(), many.join(''));
    expect(await server.psql("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'many%'")).toBe(
      '2000',
    );
  });
});
