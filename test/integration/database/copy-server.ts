import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { blockArena } from '../../../database/copy-wire/block-arena.ts';
import { openSession, type Session } from '../../../database/session/session.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

export const UTF8 = { encoding: 'UTF8' };

const arena = blockArena({ connections: 4, blocks: 12, frameBytes: 1 << 20 });

/**
 * A server with the databases `source`, `target` and `latin`, and sessions that each test closes.
 */
export function copyServer() {
  let server: TestServer;
  let opened: Session[] = [];
  beforeAll(async () => {
    server = await startPostgres({ databases: ['source', 'target'] });
    const types = await readFile(new URL('./sql/troublesome.sql', import.meta.url), 'utf8');
    await server.psql(types, 'source');
    await server.psql(types, 'target');
    await server.psql("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
  });
  afterEach(async () => {
    await Promise.all(opened.map((session) => session.close()));
    opened = [];
  });
  afterAll(() => server?.stop());
  const psql = (sql: string, database?: string) => server.psql(sql, database);
  return {
    psql,
    target: (database: string) => server.target(database),
    async connect(database: string, purpose: 'backup' | 'restore' = 'backup'): Promise<Session> {
      const session = await openSession(server.target(database), {
        purpose,
        applicationName: `stowage ${purpose}`,
        receive: arena,
      });
      opened.push(session);
      return session;
    },
    async untilGone(pid: number): Promise<void> {
      const backends = () => psql(`SELECT count(*) FROM pg_stat_activity WHERE pid = ${pid}`);
      while ((await backends()) !== '0') await new Promise((resolve) => setTimeout(resolve, 20));
    },
  };
}

export async function textOf(
  source: AsyncIterable<Uint8Array>,
  encoding: BufferEncoding = 'utf8',
): Promise<string> {
  return Buffer.concat(await Array.fromAsync(source)).toString(encoding);
}

export async function* chunks(list: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* list;
}
