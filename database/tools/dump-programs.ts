import { join } from 'node:path';
import { messageOf } from '../../backup-set/base/errors.ts';
import type { ConnectionTarget } from '../flavour.ts';
import { inspectPrograms } from '../greenplum/inspect/programs.ts';
import { findTool, toolError } from './process.ts';
import { programOutput, versionIn } from './program-output.ts';

const DUMP_PROGRAMS = ['pg_dump', 'pg_dumpall'] as const;

/**
 * Checks before a backup that the programs on this host can dump the server's definitions.
 * @throws StowageError `database/tool` naming program and server.
 */
export async function requireDumpPrograms(
  target: ConnectionTarget,
  serverVersion: string,
  signal?: AbortSignal | undefined,
): Promise<void> {
  if (target.greenplum === undefined) {
    for (const name of DUMP_PROGRAMS) await requireProgram(target, name, serverVersion, signal);
    return;
  }
  const checks = await inspectPrograms(target, serverVersion, { programs: DUMP_PROGRAMS, signal });
  const wrong = checks.find(({ ok }) => !ok);
  if (wrong !== undefined)
    throw toolError(target, `${wrong.name} cannot dump this Greenplum: ${wrong.detail}`);
}

const ADVICE =
  "Install the programs of the server's version on this host, or set connection.binDir to their folder";

async function requireProgram(
  target: ConnectionTarget,
  name: (typeof DUMP_PROGRAMS)[number],
  serverVersion: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const found = await findTool(name, { binDir: target.binDir }).catch((error: unknown) => {
    throw toolError(target, `${messageOf(error)}. ${ADVICE}`, error);
  });
  const version = versionIn(await programOutput(target, name, '--version', signal));
  if (majorOf(version) >= majorOf(serverVersion)) return;
  throw toolError(
    target,
    `${join(found, name)} is version ${version}, but ${target.host}:${target.port} is PostgreSQL ${serverVersion}: ${name} does not dump a newer server. ${ADVICE}`,
  );
}

/** 15 of 15.18; 9.06 of 9.6, so that majors compare. */
function majorOf(version: string): number {
  const [, first = '0', second = '0'] = /^(\d+)(?:\.(\d+))?/.exec(version) ?? [];
  return Number(first) < 10 ? Number(first) + Number(second) / 100 : Number(first);
}
