import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { quoteIdentifier, quoteLiteral } from '../../../database/session/quote.ts';
import { writeConfig } from '../../support/cli.ts';
import type { Place } from '../../support/e2e/place.ts';
import { dropGlobalsSql } from '../objects/objects.ts';
import { type GreenplumCluster, psql, segmentTargetOf, targetOf } from './cluster.ts';

/** A database of a cluster. It may not exist yet. */
export interface TestDatabase {
  readonly cluster: GreenplumCluster;
  readonly name: string;
  /** `psql` of cluster.ts on the coordinator. */
  psql(sql: string): Promise<string>;
  /** `psql` of cluster.ts on a segment, in utility mode. */
  psqlOn(content: number, sql: string): Promise<string>;
  /** Ends all sessions of the database, and drops it if it exists. */
  drop(): Promise<void>;
}

/** A random name for a database or a prefix for roles. It needs no quotes. */
export const freshName = () => `stowage_test_${randomBytes(5).toString('hex')}`;

/** A handle of the database of this name, for example of one that a restore will create. */
export function databaseOn(cluster: GreenplumCluster, name: string): TestDatabase {
  return {
    cluster,
    name,
    psql: (sql) => psql(targetOf(cluster, name), sql),
    psqlOn: (content, sql) => psql(segmentTargetOf(cluster, content, name), sql),
    async drop() {
      await psql(
        targetOf(cluster),
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ${quoteLiteral(name)};
DROP DATABASE IF EXISTS ${quoteIdentifier(name)};`,
      );
    },
  };
}

/** Creates a database and runs scripts in it. */
export async function freshDatabase(
  cluster: GreenplumCluster,
  scripts: readonly string[] = [],
  name = freshName(),
): Promise<TestDatabase> {
  const database = databaseOn(cluster, name);
  await psql(
    targetOf(cluster),
    `CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE template0 ENCODING 'UTF8'`,
  );
  for (const script of scripts) await database.psql(script);
  return database;
}

/**
 * Drops the roles, resource queues and groups of `globalsSql` that exist. Drop the databases that
 * depend on them before.
 */
export async function dropGlobals(cluster: GreenplumCluster, prefix: string): Promise<void> {
  for (const statement of dropGlobalsSql(prefix)) {
    await psql(targetOf(cluster), statement).catch((error: unknown) => {
      // Queues and groups have no DROP IF EXISTS.
      if (!String(error).includes('does not exist')) throw error;
    });
  }
}

/** Writes a stowage.yaml for the database to back up. Returns its path. */
export function configFor(
  place: Place,
  { cluster, name }: TestDatabase,
  root: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const { host, port, user, binDir } = cluster;
  configs += 1;
  return writeConfig(join(place.folder, `greenplum-${configs}.yaml`), {
    cluster: 'greenplum-e2e',
    flavour: 'greenplum',
    coordinator: { host, port },
    root,
    database: name,
    connection: { user, binDir },
    shippers: { workers: 2 },
    // The tables of most tests are small, and are to be loaded by programs on the segments.
    restore: { smallTableBytes: 0 },
    functions: 'inline',
    storage: place.storage,
    ...more,
  });
}

let configs = 0;
