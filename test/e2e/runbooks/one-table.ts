import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { blocksOf, sectionsOf } from '../../support/page-blocks.ts';
import type { TestServer } from '../../support/servers/postgres.ts';
import { shell, substituted } from './page.ts';

const PAGE = new URL('../../../docs/restore-by-hand.md', import.meta.url);

/** The commands of "One table only" of docs/restore-by-hand.md, for one server. */
export interface ByHand {
  /** Makes the database `one_table` from `sales.orders`, or from another table. */
  restore(set: { root: string; timestamp: string; content: number }, table?: string): Promise<void>;
  /** Copies `sales.orders` and its keys into the database `world`. */
  copy(archive: string): Promise<void>;
}

/** Writes the script of the page into the folder in which its commands run. */
export async function readByHand(folder: string, server: TestServer): Promise<ByHand> {
  const page = await readFile(PAGE, 'utf8');
  const [script = ''] = blocksOf(page, 'bash');
  await writeFile(join(folder, 'restore.sh'), script);
  const section = sectionsOf(page).get('One table only') ?? '';
  const [restoring = '', copying = '', keys = ''] = blocksOf(section, 'sh');
  const run = async (command: string) => {
    const { host, port, user, binDir } = server;
    const { code, text } = await shell(command, folder, {
      PATH: `${binDir}:/usr/bin:/bin`,
      PGHOST: host,
      PGPORT: String(port),
      PGUSER: user,
    });
    if (code !== 0) throw new Error(`${command} ended with ${code}: ${text}`);
  };
  return {
    restore: ({ root, timestamp, content }, table = 'sales orders') =>
      run(
        substituted(restoring, {
          '/mnt/root': root,
          '20261122190000': timestamp,
          '0 sales orders': `${content} ${table}`,
        }),
      ),
    async copy(archive) {
      await run(copying);
      await run(substituted(keys, { ' schema.dump': ` ${archive}` }));
    },
  };
}
