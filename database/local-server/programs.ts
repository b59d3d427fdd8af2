import { fileURLToPath } from 'node:url';
import { isStowageError } from '../../backup-set/base/errors.ts';
import { findTool } from '../tools/process.ts';

/** Where `npm run demo` installs a PostgreSQL on a machine that has none (infra/setup/). */
const OWN_BIN = fileURLToPath(new URL('../../.venv-postgres/pginstall/bin', import.meta.url));

/**
 * The folder of initdb and postgres: `binDir`, else the machine's, else the one of this checkout.
 * @throws StowageError `database/tool`.
 */
export async function serverPrograms(binDir?: string): Promise<string> {
  if (binDir !== undefined) return findTool('initdb', { binDir });
  return findTool('initdb').catch((error: unknown) => {
    if (!isStowageError(error, 'database/tool')) throw error;
    return findTool('initdb', { binDir: OWN_BIN }).catch(() => {
      throw error;
    });
  });
}
