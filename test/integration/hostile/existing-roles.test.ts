import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runGlobals } from '../../../database/globals/run-globals.ts';
import { globalStatements } from '../../../database/globals/statements.ts';
import { openSession } from '../../../database/session/session.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startPostgres();
  await server.psql(`SET allow_in_place_tablespaces = on;
    CREATE ROLE boss SUPERUSER LOGIN PASSWORD 'kept' CONNECTION LIMIT 7; ALTER ROLE boss SET work_mem = '8MB';
    COMMENT ON ROLE boss IS 'the boss'; CREATE ROLE team; CREATE TABLESPACE fast LOCATION '';`);
});
afterAll(() => server?.stop());

const GLOBALS = `SET client_encoding = 'UTF8';
CREATE ROLE boss;
ALTER ROLE boss WITH NOSUPERUSER NOLOGIN CONNECTION LIMIT 1;
COMMENT ON ROLE boss IS 'another';
CREATE ROLE fresh;
ALTER ROLE fresh WITH CREATEDB LOGIN;
CREATE ROLE postgres;
ALTER ROLE postgres WITH NOSUPERUSER NOLOGIN;
CREATE ROLE team;
ALTER ROLE team WITH LOGIN;
ALTER ROLE boss SET work_mem TO '1MB';
ALTER ROLE fresh SET work_mem TO '2MB';
ALTER ROLE fresh IN DATABASE elsewhere SET work_mem TO '3MB';
GRANT team TO boss;
GRANT boss TO fresh;
CREATE TABLESPACE fast OWNER fresh LOCATION '/elsewhere';
ALTER TABLESPACE fast SET (seq_page_cost=1.5);
GRANT CREATE ON TABLESPACE fast TO fresh;
`;

async function restored(options?: { alter: boolean }): Promise<string[]> {
  const session = await openSession(server.target(), {
    purpose: 'restore',
    applicationName: 'stowage test',
  });
  try {
    const statements = globalStatements(Buffer.from(GLOBALS), 'globals.sql.zst');
    return await runGlobals(session, statements, options);
  } finally {
    await session.close();
  }
}

const rolesNow = () =>
  server.psql(`SELECT rolname, rolsuper, rolcanlogin, rolcreatedb, rolconnlimit, shobj_description(oid, 'pg_authid'),
      (SELECT setconfig FROM pg_db_role_setting WHERE setrole = r.oid),
      (SELECT array_agg(roleid::regrole::text) FROM pg_auth_members WHERE member = r.oid)
    FROM pg_roles r WHERE rolname !~ '^pg_' ORDER BY 1`);

describe('the globals of a set', () => {
  it('leave roles and tablespaces as they are that exist, and make them members and grant to them', async () => {
    const password = "SELECT rolpassword FROM pg_authid WHERE rolname = 'boss'";
    const before = await server.psql(password);
    expect(await restored()).toEqual(['boss', 'postgres', 'team']);
    expect(await rolesNow()).toBe(
      [
        'boss|t|t|f|7|the boss|{work_mem=8MB}|{team}',
        'fresh|f|t|t|-1||{work_mem=2MB}|{boss}',
        'postgres|t|t|t|-1|||',
        'team|f|f|f|-1|||',
      ].join('\n'),
    );
    expect(await server.psql(password)).toBe(before);
    expect(
      await server.psql("SELECT spcoptions, spcacl FROM pg_tablespace WHERE spcname = 'fast'"),
    ).toBe('|{postgres=C/postgres,fresh=C/postgres}');
  });

  it('alter roles that exist when this is asked for, except the role that restores', async () => {
    expect(await restored({ alter: true })).toEqual(['postgres']);
    const lines = (await rolesNow()).split('\n');
    expect(lines[0]).toBe('boss|f|f|f|1|another|{work_mem=1MB}|{team}');
    expect(lines[2]).toBe('postgres|t|t|t|-1|||');
    expect(lines[3]).toBe('team|f|t|f|-1|||');
    expect(await server.psql("SELECT spcoptions FROM pg_tablespace WHERE spcname = 'fast'")).toBe(
      '{seq_page_cost=1.5}',
    );
  });

  it('make no role when the connection breaks before their end', async () => {
    const options = { purpose: 'restore', applicationName: 'stowage test' } as const;
    const [session, blocker] = [
      await openSession(server.target(), options),
      await openSession(server.target(), options),
    ];
    await blocker.query('BEGIN; CREATE ROLE waited');
    const text = Buffer.from('CREATE ROLE half;\nCREATE ROLE waited;\n');
    const running = expect(
      runGlobals(session, globalStatements(text, 'globals.sql.zst')),
    ).rejects.toMatchObject({ code: 'database/unreachable' });
    await server.psql(`SELECT pg_sleep(0.3), pg_terminate_backend(${session.pid})`);
    await running;
    await blocker.query('ROLLBACK');
    await Promise.all([session.close(), blocker.close()]);
    expect(await server.psql("SELECT count(*) FROM pg_roles WHERE rolname = 'half'")).toBe('0');
  });
});
