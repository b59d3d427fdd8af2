import { RESTORED } from './restore-contenders.ts';
import { createTable, fillTable, SHAPES } from './rows.ts';
import type { Bench } from './scenario.ts';
import { DATABASE, startServers } from './servers.ts';
import { newRoot, stowage, timestampIn } from './stowage.ts';

/**
 * One small backup and restore that nobody measures: programs are in the page cache then, and what Stowage keeps between
 * runs for a fast start is there, as on a host that is backed up every day.
 */
export async function warmUp(bench: Bench): Promise<void> {
  const [server] = await startServers(bench, 1);
  if (server === undefined) throw new Error('no server was started');
  try {
    await bench.store.ready(true);
    await server.psql(createTable('t', SHAPES.lineitem), DATABASE);
    await server.psql(fillTable('t', SHAPES.lineitem, 1e5), DATABASE);
    await server.psql(`CREATE DATABASE ${RESTORED}`);
    const root = newRoot();
    const timestamp = timestampIn(await stowage(bench, [server], root, 'backup'));
    await stowage(bench, [server], root, 'restore', timestamp, '--database', RESTORED);
  } finally {
    await server.stop();
  }
}
