import { DATABASE, databasesOf } from '../../support/e2e/cluster.ts';
import { waitFor } from '../../support/wait-for.ts';
import { type Contents, contentsOf } from './judge/contents.ts';
import { type Lane, STANDING } from './lane.ts';
import type { Mode } from './plan.ts';

/** The database that the restores of a run share. */
export const TARGET = 'target';
/** The database into which the judge restores the set of a run. */
export const JUDGED = 'judged';

const PLAIN = [0, 1, 2, 3, 4, 5, 6, 7, 8];

/** Rows that a restore with --truncate must remove, and rows that it must bring back. */
const SPOIL = [
  ...PLAIN.map((number) => `DELETE FROM fixed.plain_${number} WHERE id % 3 = 0;`),
  `DELETE FROM fixed.large WHERE id < 100; INSERT INTO fixed.nothing VALUES (1, 'spoilt');`,
].join(' ');

/**
 * Makes the target as the first restore of a run expects it. `template` has the tables of the set.
 * Returns what it holds; undefined = no database.
 */
export async function prepareTarget(
  { servers }: Lane,
  mode: Mode,
  template: string,
): Promise<readonly Contents[] | undefined> {
  if (mode === 'create') return undefined;
  return Promise.all(
    servers.map(async (server) => {
      const source = mode === 'truncate' ? template : 'template0';
      await server.psql(`CREATE DATABASE ${TARGET} TEMPLATE ${source}`);
      if (mode === 'truncate') await server.psql(SPOIL, TARGET);
      return contentsOf(server, TARGET);
    }),
  );
}

/** Waits until both servers accept connections: one that crashed restarts by itself. */
export async function untilReady({ servers }: Lane): Promise<void> {
  for (const server of servers)
    await waitFor('a server that accepts connections', () =>
      server.psql('SELECT true').catch(() => undefined),
    );
}

/** Drops what the last run has made. */
export async function dropTargets({ servers }: Lane): Promise<void> {
  for (const server of servers) {
    for (const name of await databasesOf(server))
      if (name !== DATABASE && name !== STANDING)
        await server.psql(`DROP DATABASE "${name}" WITH (FORCE)`);
  }
}
