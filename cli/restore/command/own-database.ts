import type { Manifest } from '../../../backup-set/documents/manifest.ts';
import type { ClusterContext } from '../../context.ts';
import { printable } from '../../output/format.ts';
import type { RestoreOptions } from '../request.ts';

/**
 * The context with the database of the set, unless a flag names another one. PGDATABASE and the
 * configuration say what is backed up: a variable that was left set must not send the rows of a set
 * into another database. A resume uses the database of the first restore.
 */
export function intoOwnDatabase(
  context: ClusterContext,
  manifest: Pick<Manifest, 'timestamp' | 'database'>,
  { resumes }: Pick<RestoreOptions, 'resumes'>,
): ClusterContext {
  const { config, sources, output } = context;
  const named = sources.get('database');
  const { database, timestamp } = manifest;
  const isAsked = named?.source === 'flag' || resumes !== undefined;
  if (isAsked || config.database === database) return context;
  const by =
    named?.source === 'environment'
      ? `the variable ${named.name}`
      : (named?.name ?? 'the configuration');
  output.note(
    'own-database',
    { database, configured: config.database },
    printable(
      `restoring into ${database}, the database of set ${timestamp}: ${by} names ${config.database}, which does not decide where a restore goes. --redirect-db ${config.database} would restore into that one`,
    ),
  );
  return { ...context, config: { ...config, database } };
}
