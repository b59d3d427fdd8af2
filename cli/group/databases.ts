import { StowageError } from '../../backup-set/base/errors.ts';
import { listDatabases } from '../../database/catalog/databases.ts';
import { targetOf } from '../config/config.ts';
import type { ClusterContext } from '../context.ts';
import { flavourOf } from '../flavour.ts';

/**
 * The databases that `databases` of the configuration names; undefined = only `database`.
 * @throws StowageError `config/invalid` when the server has none.
 */
export async function configuredDatabases(
  context: ClusterContext,
): Promise<readonly string[] | undefined> {
  const { config, env, signal } = context;
  if (config.databases !== 'all') return config.databases;
  const [first] = await flavourOf(context).topology();
  if (first === undefined) throw new Error('a cluster has a server');
  const names = await listDatabases(targetOf(config, first, env), signal);
  if (names.length > 0) return names;
  throw new StowageError(
    'config/invalid',
    `databases is "all", and ${first.host}:${first.port} has no database but templates, and postgres without tables`,
    { where: { field: 'databases' } },
  );
}

/** The same cluster, with another database. */
export function inDatabase(context: ClusterContext, database: string): ClusterContext {
  return { ...context, config: { ...context.config, database } };
}
