import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from '../../../backup-set/base/errors.ts';
import { makeHome, serverOwner } from '../../../database/local-server/data.ts';
import { launch, shutDown } from '../../../database/local-server/launch.ts';
import { openSession } from '../../../database/session/session.ts';
import { waitFor } from '../wait-for.ts';
import { freePort } from './free-port.ts';
import type { TestServer } from './postgres.ts';

/** What a server needs so that it can have a standby. */
export const WITH_STANDBYS = { wal_level: 'replica', max_wal_senders: '4' };

/** A streaming standby of a server that was started with `WITH_STANDBYS`. */
export async function startStandby(primary: TestServer) {
  const owner = await serverOwner();
  const home = await makeHome(owner);
  const from = ['-h', primary.host, '-p', String(primary.port), '-U', primary.user];
  const args = [...from, '-D', join(home, 'data'), '-R', '-X', 'stream', '-c', 'fast'];
  await promisify(execFile)(join(primary.binDir, 'pg_basebackup'), args, { ...owner, cwd: home });
  const port = await freePort();
  const settings = {
    ...WITH_STANDBYS,
    max_connections: '60',
    listen_addresses: primary.host,
    unix_socket_directories: '',
    port: String(port),
  };
  const server = await launch({ program: join(primary.binDir, 'postgres'), home, owner, settings });
  let last = '';
  await waitFor('the standby', async () => {
    try {
      const target = { ...primary.target(), port };
      const session = await openSession(target, { purpose: 'probe', applicationName: 'test' });
      await session.close();
      return true;
    } catch (error) {
      last = messageOf(error);
      return undefined;
    }
  }).catch((error: unknown) => {
    throw new Error(`${messageOf(error)}: ${last}`);
  });
  return {
    host: primary.host,
    port,
    async stop() {
      await shutDown(server);
      await rm(home, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}
