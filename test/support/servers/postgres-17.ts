import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where infra/setup/ installs PostgreSQL 17. */
const INSTALLED = fileURLToPath(new URL('../../../.venv-postgres/pginstall/bin', import.meta.url));

/** The folder of PostgreSQL 17's programs; undefined: this machine has none. */
export const POSTGRES_17 = existsSync(join(INSTALLED, 'postgres')) ? INSTALLED : undefined;

if (POSTGRES_17 === undefined)
  process.stderr.write('skipped: the tests on PostgreSQL 17, which is not installed\n');
