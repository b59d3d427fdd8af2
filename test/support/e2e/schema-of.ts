import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ConnectionTarget } from '../../../database/flavour.ts';

const run = promisify(execFile);

/** The definitions as pg_dump writes them, without \restrict and its random word. */
export async function schemaOf({
  host,
  port,
  user,
  database,
  binDir = '',
}: ConnectionTarget): Promise<string> {
  const env = {
    PGHOST: host,
    PGPORT: String(port),
    PGUSER: user,
    PGDATABASE: database,
    LC_ALL: 'C.UTF-8',
  };
  const { stdout } = await run(join(binDir, 'pg_dump'), ['--schema-only'], {
    env,
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout.replaceAll(/^\\(un)?restrict .*\n/gm, '');
}
