import { newRoot, RESTORED, restoreSet, stowage, timestampIn } from '../contenders/stowage.ts';
import { createTable, fillTable, SHAPES } from '../measure/rows.ts';
import type { Bench } from '../scenario.ts';
import { DATABASE, withServer } from './servers.ts';

/**
 * Runs a small backup and restore before the measurement. It fills the page cache and Node's
 * compile cache, as on a host that is backed up every day.
 */
export async function warmUp(bench: Bench): Promise<void> {
  await withServer(bench, true, async (server) => {
    await server.psql(createTable('t', SHAPES.lineitem), DATABASE);
    await server.psql(fillTable('t', SHAPES.lineitem, 1e5), DATABASE);
    await server.psql(`CREATE DATABASE ${RESTORED}`);
    const root = newRoot();
    const timestamp = timestampIn(await stowage(bench, [server], root, 'backup'));
    await restoreSet(bench, server, { root, timestamp });
  });
}
