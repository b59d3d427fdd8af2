import type { ConnectionTarget } from '../../flavour.ts';
import { installedPrograms } from './installed.ts';
import { dumpFit, type Fit, fitting, restoreFit } from './versions.ts';

/** A program for a server on this host; without a version: none that is installed fits. */
export interface FoundProgram {
  readonly name: string;
  readonly version?: string;
}

/** An archive of any format: no set is known yet. */
const ANY_ARCHIVE = { minor: 0 };

/** The programs that a backup and a restore of this server would run on this host. */
export async function programsFor(
  target: ConnectionTarget,
  serverVersion: string,
  signal: AbortSignal,
): Promise<FoundProgram[]> {
  const found = async (name: string, fit: Fit): Promise<FoundProgram> => {
    const installed = await installedPrograms(target, name, signal);
    // Greenplum's programs are those of its own folder, whatever their version.
    const chosen = target.greenplum === undefined ? fitting(installed, fit) : installed[0];
    return { name, ...(chosen && { version: chosen.version }) };
  };
  return Promise.all([
    found('pg_dump', dumpFit(serverVersion)),
    found('pg_restore', restoreFit(ANY_ARCHIVE, serverVersion, true)),
  ]);
}
