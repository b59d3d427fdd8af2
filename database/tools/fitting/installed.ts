import type { ConnectionTarget } from '../../flavour.ts';
import { findTools } from '../process.ts';
import { programOutput, versionIn } from '../program-output.ts';

/** One of PostgreSQL's programs on this host. */
export interface Installed {
  readonly folder: string;
  readonly version: string;
}

/** All that `findTool` could choose, in its order. One that cannot be run is left out. */
export async function installedPrograms(
  target: ConnectionTarget,
  name: string,
  signal?: AbortSignal | undefined,
): Promise<readonly Installed[]> {
  const folders = await findTools(name, { binDir: target.binDir });
  const found = await Promise.all(
    folders.map(async (folder): Promise<Installed | undefined> => {
      const own = { ...target, binDir: folder };
      const output = await programOutput(own, name, '--version', signal).catch(() => undefined);
      return output === undefined ? undefined : { folder, version: versionIn(output) };
    }),
  );
  signal?.throwIfAborted();
  return found.filter((one) => one !== undefined);
}
