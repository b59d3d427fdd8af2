import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serverPrograms } from '../../../database/local-server/programs.ts';
import { majorOf } from '../../../database/tools/fitting/versions.ts';
import { programOutput, versionIn } from '../../../database/tools/program-output.ts';

/** Where infra/setup/ installs PostgreSQL 17. */
export const INSTALLED = fileURLToPath(
  new URL('../../../.venv-postgres/pginstall/bin', import.meta.url),
);

/** The folder of PostgreSQL 17's programs. Undefined: there are no two versions to compare. */
export async function postgres17(): Promise<string | undefined> {
  if (!existsSync(join(INSTALLED, 'postgres'))) return skipped('it is not installed');
  const machine = await serverPrograms();
  const target = { host: '', port: 0, user: '', database: '', binDir: machine };
  const version = versionIn(await programOutput(target, 'postgres', '--version'));
  if (majorOf(version) >= 17) return skipped(`the machine has no older one, but ${version}`);
  return INSTALLED;
}

function skipped(why: string): undefined {
  process.stderr.write(`skipped: the tests that compare PostgreSQL 17 with an older one: ${why}\n`);
}
