import { asStowageError } from '../../backup-set/base/errors.ts';
import { flavourNamed } from '../../database/flavours.ts';
import { ignoredPasswordFile } from '../../database/session/password-file.ts';
import { segmentsOf, shipperCommand, targetOf } from '../config/config.ts';
import type { ClusterContext } from '../context.ts';
import { configuredDatabases, inDatabase } from '../group/databases.ts';
import type { Check } from './check.ts';

/** Checks that differ between the databases of a server. */
const OF_A_DATABASE = new Set(['database', 'rights', 'definitions', 'temporary tables', 'session']);

/** The checks of all servers; of a second database only what is its own. */
export async function checkServers(context: ClusterContext): Promise<Check[]> {
  let databases: readonly string[] | undefined;
  try {
    databases = await configuredDatabases(context);
  } catch (error) {
    const detail = asStowageError(error).message;
    return [{ of: 'cluster', name: 'databases', ok: false, detail }];
  }
  const [first = context.config.database, ...others] = databases ?? [];
  const checks = [...(await passwordFile(context)), ...(await inspect(inDatabase(context, first)))];
  for (const database of others) {
    const own = await inspect(inDatabase(context, database));
    checks.push(
      ...own
        .filter(({ name, ok }) => OF_A_DATABASE.has(name) || !ok)
        .map((check) => ({ ...check, of: `${database}: ${check.of}` })),
    );
  }
  return checks;
}

/** A server that needs no password today hides the mistake. */
async function passwordFile({ config, env }: ClusterContext): Promise<Check[]> {
  const { coordinator } = config;
  const known = coordinator === undefined ? [] : [{ content: -1, ...coordinator }];
  for (const segment of [...segmentsOf(config), ...known]) {
    const ignored = await ignoredPasswordFile(targetOf(config, segment, env), env);
    if (ignored === undefined) continue;
    return [{ of: 'this host', name: 'password file', ok: true, remark: true, detail: ignored }];
  }
  return [];
}

function inspect({ config, env, clock, signal }: ClusterContext): Promise<Check[]> {
  return flavourNamed(config.flavour).inspect(config, {
    connect: (segment) => targetOf(config, segment, env),
    shipsFromHere: (segment) => shipperCommand(config, segment) === undefined,
    workers: config.shippers.workers,
    through: config.backup.through,
    clock,
    signal,
  });
}
