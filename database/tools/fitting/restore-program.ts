import { join } from 'node:path';
import type { ConnectionTarget } from '../../flavour.ts';
import type { ArchiveHeader } from '../../objects/toc.ts';
import { toolError } from '../process.ts';
import type { Installed } from './installed.ts';
import { installedPrograms } from './installed.ts';
import { fitting, majorOf, readerOf, restoreFit } from './versions.ts';

export interface RestoreWork {
  readonly archive: ArchiveHeader;
  /** The set's name of the archive: `schema.dump`. */
  readonly file: string;
  readonly serverVersion: string;
  /** pg_restore runs the statements itself, it does not only print them. */
  readonly connects: boolean;
}

/**
 * The target with the folder of a pg_restore that reads the archive and fits the server.
 * @throws StowageError `database/tool` naming program, archive and server.
 */
export async function withRestoreProgram(
  target: ConnectionTarget,
  work: RestoreWork,
  signal?: AbortSignal | undefined,
): Promise<ConnectionTarget> {
  const installed = await installedPrograms(target, 'pg_restore', signal);
  const chosen = fitting(installed, restoreFit(work.archive, work.serverVersion, work.connects));
  if (chosen !== undefined) return { ...target, binDir: chosen.folder };
  throw toolError(target, restoreFault(target, work, installed));
}

/** Pure. Why none of the programs can restore the archive. */
export function restoreFault(
  { host, port, binDir }: Pick<ConnectionTarget, 'host' | 'port' | 'binDir'>,
  { archive, file, serverVersion, connects }: RestoreWork,
  installed: readonly Installed[],
): string {
  const { least, most, wanted } = restoreFit(archive, serverVersion, connects);
  const server = `${host}:${port}, which is PostgreSQL ${serverVersion}`;
  const written = `${file} of the set was written by pg_dump ${archive.dumpVersion}`;
  const reader = readerOf(archive);
  if (least > most) {
    const ways =
      file === 'schema.dump'
        ? 'make the tables there yourself and load them with --truncate'
        : 'leave the large objects out (--table)';
    return `${written}: only pg_restore ${reader} or later reads it, and that cannot restore into ${server}. Restore into PostgreSQL ${reader} or later, or ${ways}`;
  }
  const best = Math.min(Math.max(least, wanted), most);
  const advice = `Install the programs of PostgreSQL ${best} on this host, or set connection.binDir to their folder`;
  const [first] = installed;
  if (first === undefined) {
    const place = binDir === undefined ? 'on this host' : `in ${binDir}`;
    return `the program pg_restore was not found ${place}. ${advice}`;
  }
  const program = `${join(first.folder, 'pg_restore')} is version ${first.version}`;
  return majorOf(first.version) < least
    ? `${program}, but ${written}: only pg_restore ${reader} or later reads it. ${advice}`
    : `${program}, which cannot restore into ${server}: it sets transaction_timeout, which came with PostgreSQL 17. ${advice}`;
}
