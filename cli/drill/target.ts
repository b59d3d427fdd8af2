import { randomBytes } from 'node:crypto';
import { eachInFlight } from '../../async/each-in-flight.ts';
import { messageOf } from '../../backup-set/base/errors.ts';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import { dropDatabase } from '../../database/target/database.ts';
import { loadConfig, targetOf } from '../config/config.ts';
import { Config } from '../config/schema.ts';
import type { ClusterContext } from '../context.ts';
import type { OpenSet } from '../read-set/open-set.ts';
import type { Chosen } from './choose.ts';
import type { DrillOptions } from './options.ts';
import { requireScratch } from './require-scratch.ts';
import { DRILL_PREFIX, serversOf, targetSegments } from './segments.ts';
import { prepareThrowaway, startThrowaway } from './throwaway.ts';

/** Where a drill restores to. */
export interface DrillTarget {
  readonly kind: 'throwaway' | 'scratch';
  /** With the servers of the target, and the database that the restore makes. */
  readonly context: ClusterContext;
  readonly startMs: number;
  /** Removes everything that the drill made. Bounded in time; also after an interruption. */
  remove(): Promise<void>;
}

/** Dropping a database waits for a checkpoint. */
const DROP_MS_MAX = 120_000;
const DROPS_AT_ONCE = 8;

/**
 * Makes the servers of a drill, or looks at those of another configuration. Changes nothing on
 * servers that it has not made.
 * @throws StowageError `restore/refused` for a target that is not empty; `database/tool`.
 */
export async function openTarget(
  context: ClusterContext,
  set: OpenSet,
  chosen: Chosen,
  { target }: Pick<DrillOptions, 'target'>,
): Promise<DrillTarget> {
  const database = `${DRILL_PREFIX}${randomBytes(4).toString('hex')}`;
  if (target.kind === 'throwaway') return throwaway(context, set, chosen, database, target.binDir);
  return scratch(context, set.manifest, chosen, database, target.file);
}

async function throwaway(
  context: ClusterContext,
  set: OpenSet,
  chosen: Chosen,
  database: string,
  binDir: string | undefined,
): Promise<DrillTarget> {
  const { config, signal, clock } = context;
  const { manifest } = set;
  const startedAt = clock().getTime();
  const contents = serversOf(manifest, chosen);
  const servers = await startThrowaway(contents.length, binDir ?? config.connection.binDir);
  const remove = async () => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  try {
    signal.throwIfAborted();
    await prepareThrowaway(set, contents, servers, signal);
  } catch (error) {
    await remove();
    throw error;
  }
  const [first] = servers;
  const local = Config.parse({
    ...shared(config),
    database,
    segments: servers.map(({ host, port }, at) => ({ content: contents[at], host, port })),
    connection: { user: first?.user, binDir: first?.binDir, sslmode: 'disable' },
    shippers: { workers: config.shippers.workers },
  });
  const startMs = clock().getTime() - startedAt;
  return { kind: 'throwaway', context: into(context, local, database), startMs, remove };
}

async function scratch(
  context: ClusterContext,
  manifest: Manifest,
  chosen: Chosen,
  database: string,
  file: string,
): Promise<DrillTarget> {
  const { config, env, clock } = context;
  const startedAt = clock().getTime();
  const loaded = await loadConfig({ env, file, flags: { root: config.root, database } });
  // The store is that of the main file: the scratch file says where rows go, not which.
  const local = { ...loaded.config, ...shared(config), database };
  const there = into(context, local, database);
  await requireScratch(context, there, manifest, file);
  const { contents } = chosen;
  return {
    kind: 'scratch',
    context: there,
    startMs: clock().getTime() - startedAt,
    async remove() {
      const signal = AbortSignal.timeout(DROP_MS_MAX);
      const segments = await targetSegments(there, manifest, contents);
      await eachInFlight(segments, DROPS_AT_ONCE, async (segment) => {
        await dropDatabase(targetOf(local, segment, env), signal).catch((error: unknown) => {
          // A restore that failed early has not made it.
          if (!/does not exist/.test(messageOf(error))) throw error;
        });
      });
    },
  };
}

/** What the main file decides: the store, the keys of its sets, and what runs the functions. */
function shared({ cluster, root, storage, stallSeconds, functions, encryption }: Config) {
  return {
    ...{ cluster, root, storage, stallSeconds },
    ...(functions && { functions }),
    ...(encryption && { encryption }),
  };
}

/** As with --redirect-db: the restore goes into this database and no other. */
function into(context: ClusterContext, config: Config, database: string): ClusterContext {
  const sources = new Map([['database', { source: 'flag' as const, name: database }]]);
  return { ...context, config: { ...config, database }, sources };
}
