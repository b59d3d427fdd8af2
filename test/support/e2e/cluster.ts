import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeConfig } from '../cli.ts';
import type { TestServer } from '../servers/postgres.ts';
import { readUntil } from '../wait-for.ts';
import type { Place } from './place.ts';

/** Writes the stowage.yaml of a cluster of test servers; returns its path. */
export async function configFor(
  place: Pick<Place, 'folder' | 'storage'>,
  servers: readonly TestServer[],
  root: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  await mkdir(place.folder, { recursive: true });
  const [first] = servers;
  configs += 1;
  return writeConfig(join(place.folder, `${configs}.yaml`), {
    cluster: 'e2e',
    root,
    database: DATABASE,
    segments: servers.map(({ host, port }, content) => ({ content, host, port })),
    connection: { user: first?.user, binDir: first?.binDir },
    shippers: { workers: 2 },
    storage: place.storage,
    ...more,
  });
}

let configs = 0;

export const DATABASE = 'shop';

/** Client sessions and relation locks on a server, except those of this query. */
export async function leftoversOn(server: TestServer): Promise<string> {
  return server.psql(`SELECT 'session', pid, application_name, state FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
    UNION ALL SELECT 'lock', pid, mode, relation::text FROM pg_locks
    WHERE locktype = 'relation' AND pid IS DISTINCT FROM pg_backend_pid()
    AND pid NOT IN (SELECT pid FROM pg_stat_activity WHERE backend_type <> 'client backend')`);
}

/**
 * Sessions and locks that remain on servers. Waits until there are none, because a server notices
 * late that a client has disconnected.
 */
export async function leftoversOnAll(
  servers: readonly TestServer[],
  msMax?: number,
): Promise<string[]> {
  return readUntil(
    async () => (await Promise.all(servers.map(leftoversOn))).filter((left) => left !== ''),
    (left) => left.length === 0,
    msMax,
  );
}

/** Names of the databases that initdb did not create. */
export async function databasesOf(server: TestServer): Promise<string[]> {
  const names = await server.psql(
    `SELECT datname FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1') ORDER BY 1`,
  );
  return names === '' ? [] : names.split('\n');
}
