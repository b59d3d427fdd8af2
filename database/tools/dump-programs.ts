import { join } from 'node:path';
import { messageOf } from '../../backup-set/base/errors.ts';
import type { ConnectionTarget } from '../flavour.ts';
import { statisticsAdvice } from '../greenplum/inspect/catalog-statistics.ts';
import { inspectPrograms } from '../greenplum/inspect/programs.ts';
import { openSession } from '../session/session.ts';
import { writesColumnStamps } from './fitting/column-stamps.ts';
import { type Installed, installedPrograms } from './fitting/installed.ts';
import { dumpFit, fitting, majorOf, restoreFit } from './fitting/versions.ts';
import { findTool, findTools, toolError } from './process.ts';

const DUMP_PROGRAMS = ['pg_dump', 'pg_dumpall'] as const;
/** The format that pg_dump writes since 17. */
const NEWEST = { since: 17, minor: 16 } as const;

/**
 * Checks before a backup that the programs on this host can dump the server's definitions.
 * @returns what the operator should know of them, or of the catalogs that they read.
 * @throws StowageError `database/tool` naming program and server.
 */
export async function requireDumpPrograms(
  target: ConnectionTarget,
  serverVersion: string,
  signal?: AbortSignal | undefined,
): Promise<string | undefined> {
  if (target.greenplum === undefined) {
    return adviceOn(target, await dumpProgram(target, serverVersion, signal), serverVersion);
  }
  const checks = await inspectPrograms(target, serverVersion, { programs: DUMP_PROGRAMS, signal });
  const wrong = checks.find(({ ok }) => !ok);
  if (wrong !== undefined)
    throw toolError(target, `${wrong.name} cannot dump this Greenplum: ${wrong.detail}`);
  return statisticsAdvice(target, signal);
}

/**
 * The target with the folder of the programs that fit its server best, where several versions are
 * installed. @throws as `requireDumpPrograms`.
 */
export async function withDumpPrograms(
  target: ConnectionTarget,
  signal: AbortSignal,
): Promise<ConnectionTarget> {
  if (target.greenplum !== undefined || target.binDir !== undefined) return target;
  if ((await findTools('pg_dump')).length < 2) return target;
  const session = await openSession(target, {
    purpose: 'probe',
    applicationName: 'stowage programs',
    signal,
  });
  let serverVersion = '';
  try {
    const [row] = await session.query<{ version: string }>(
      "SELECT current_setting('server_version') AS version",
    );
    serverVersion = row?.version ?? '';
  } finally {
    await session.close();
  }
  return { ...target, binDir: (await dumpProgram(target, serverVersion, signal)).folder };
}

const ADVICE =
  "Install the programs of the server's version on this host, or set connection.binDir to their folder";

/** @returns pg_dump; pg_dumpall is in the same folder. */
async function dumpProgram(
  target: ConnectionTarget,
  serverVersion: string,
  signal: AbortSignal | undefined,
): Promise<Installed> {
  const found = await fittingProgram(target, 'pg_dump', serverVersion, signal);
  const beside = { ...target, binDir: found.folder };
  await fittingProgram(beside, 'pg_dumpall', serverVersion, signal);
  return found;
}

async function fittingProgram(
  target: ConnectionTarget,
  name: (typeof DUMP_PROGRAMS)[number],
  serverVersion: string,
  signal: AbortSignal | undefined,
): Promise<Installed> {
  const installed = await installedPrograms(target, name, signal);
  const chosen = fitting(installed, dumpFit(serverVersion));
  if (chosen !== undefined) return chosen;
  const [first] = installed;
  if (first === undefined) {
    const why = await findTool(name, { binDir: target.binDir }).then(
      (folder) => `${join(folder, name)} cannot be run`,
      messageOf,
    );
    throw toolError(target, `${why}. ${ADVICE}`);
  }
  throw toolError(
    target,
    `${join(first.folder, name)} is version ${first.version}, but ${target.host}:${target.port} is PostgreSQL ${serverVersion}: ${name} does not dump a newer server. ${ADVICE}`,
  );
}

function adviceOn(
  { host, port }: ConnectionTarget,
  { folder, version }: Installed,
  serverVersion: string,
): string | undefined {
  const program = `${join(folder, 'pg_dump')} is version ${version}, but ${host}:${port} is PostgreSQL ${serverVersion}`;
  const least = leastMajor(version, serverVersion);
  const limits = [
    least === undefined ? [] : `can be restored into PostgreSQL ${least} or later only`,
    writesColumnStamps(version, serverVersion) ? STAMPS : [],
  ].flat();
  if (limits.length === 0) return undefined;
  return `${program}: the definitions of this set ${limits.join(', and ')}. ${ADVICE}`;
}

const STAMPS =
  'have stamps of columns (pg_attver), which pg_dump of an earlier minor release writes as options: only servers of the releases of November 2026 or later accept them';

/** Such a set suits an upgrade. For any other use the operator must know of it. */
function leastMajor(version: string, serverVersion: string): number | undefined {
  if (majorOf(version) < NEWEST.since) return undefined;
  const { least, most } = restoreFit(NEWEST, serverVersion, true);
  return least <= most ? undefined : least;
}
