import { StowageError } from '../../backup-set/base/errors.ts';
import { readServerIdentity } from '../../database/catalog/server-identity.ts';
import type { ConnectionTarget } from '../../database/flavour.ts';
import { openSession } from '../../database/session/session.ts';
import { requireDumpPrograms } from '../../database/tools/dump-programs.ts';
import { type FoundProgram, programsFor } from '../../database/tools/fitting/programs-for.ts';

export interface ServerCheck {
  readonly target: ConnectionTarget;
  /** What the coordinator read from this content's server; absent = not known. */
  readonly systemIdentifier?: string;
  /** Whether this host dumps the definitions of the content. */
  readonly dumps: boolean;
  /** Whether to look for the programs of this host. */
  readonly describe?: boolean;
}

/** What the check has found on this host. */
export interface CheckedHost {
  readonly programs: readonly FoundProgram[];
  readonly advice?: string;
}

/**
 * Checks from a segment host that the server can be reached, that it is the coordinator's, and that
 * the programs of this host can dump it.
 * @throws StowageError `cluster/changed`, `database/tool`; otherwise as `openSession`.
 */
export async function checkServer(
  { target, systemIdentifier, dumps, describe = false }: ServerCheck,
  signal: AbortSignal,
): Promise<CheckedHost> {
  if (systemIdentifier === undefined && !dumps) return { programs: [] };
  const session = await openSession(target, {
    purpose: 'probe',
    applicationName: `stowage check content ${target.content ?? ''}`.trimEnd(),
    signal,
  });
  try {
    const found = await readServerIdentity(session, target.database);
    const other = found.systemIdentifier;
    if (systemIdentifier !== undefined && other !== undefined && other !== systemIdentifier)
      throw new StowageError(
        'cluster/changed',
        `from this host ${target.host}:${target.port} is another server than the coordinator's: its system identifier is ${other} instead of ${systemIdentifier}. Correct the address of the content, or the name resolution of the host`,
        { where: target.content === undefined ? {} : { content: target.content } },
      );
    const { serverVersion } = found;
    const advice = dumps ? await requireDumpPrograms(target, serverVersion, signal) : undefined;
    const programs = describe ? await programsFor(target, serverVersion, signal) : [];
    return { programs, ...(advice !== undefined && { advice }) };
  } finally {
    await session.close();
  }
}
