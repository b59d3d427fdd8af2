import type { Session } from '../../session/session.ts';

export interface Imports {
  /** Opens a session that has imported the snapshot. */
  open(at: number): Promise<Session>;
  /** Whether the session sees only the rows of the snapshot. */
  isIsolated(session: Session): Promise<boolean>;
  /** Connections that shall read, that of the holder included. */
  readonly connections: number;
}

/**
 * Adds sessions that read beside the holder of the snapshot. On a Greenplum 7 pre-release an
 * importer sees newer rows on the segments: then the holder alone reads. One importer is tried at
 * least: it shows whether the coordinator's shipper can import, too.
 * @returns whether it can.
 */
export async function addImporters(
  sessions: Session[],
  { open, isIsolated, connections }: Imports,
): Promise<boolean> {
  let canImport = true;
  for (let at = 1; canImport && (at === 1 || at < connections); at++) {
    const importer = await open(at);
    canImport = await isIsolated(importer);
    if (canImport && at < connections) sessions.push(importer);
    else await importer.close();
  }
  return canImport;
}
