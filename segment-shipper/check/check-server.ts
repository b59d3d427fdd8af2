import { StowageError } from '../../backup-set/base/errors.ts';
import { readServerIdentity } from '../../database/catalog/server-identity.ts';
import type { ConnectionTarget } from '../../database/flavour.ts';
import { openSession } from '../../database/session/session.ts';
import { requireDumpPrograms } from '../../database/tools/dump-programs.ts';

export interface ServerCheck {
  readonly target: ConnectionTarget;
  /** What the coordinator read from this content's server; absent = not known. */
  readonly systemIdentifier?: string;
  /** Whether this host dumps the definitions of the content. */
  readonly dumps: boolean;
}

/**
 * Checks from a segment host that the server can be reached, that it is the coordinator's, and that
 * the programs of this host can dump it.
 * @throws StowageError `cluster/changed`, `database/tool`; otherwise as `openSession`.
 */
export async function checkServer(
  { target, systemIdentifier, dumps }: ServerCheck,
  signal: AbortSignal,
): Promise<void> {
  if (systemIdentifier === undefined && !dumps) return;
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
    if (dumps) await requireDumpPrograms(target, found.serverVersion, signal);
  } finally {
    await session.close();
  }
}
