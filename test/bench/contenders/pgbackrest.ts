import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench } from '../scenario.ts';
import { type Source, socketFolder } from '../setup/servers.ts';
import { environment, run, shell } from '../setup/shell.ts';
import type { Contender } from './contenders.ts';

/**
 * pgBackRest copies the files of the server, not its rows. It parses nothing, copies all databases,
 * and can restore only the whole into the same major version. Its repository is a local folder, so
 * it uploads nothing. WAL is not archived.
 */
export function physicalBackup(
  bench: Bench,
  { server }: Source,
  workers: number,
  name: string,
): Contender {
  const folder = join(bench.home, 'pgbackrest');
  const config = join(folder, 'pgbackrest.conf');
  const command = (...args: string[]) =>
    run(environment(bench, server), 'pgbackrest', [
      `--config=${config}`,
      '--stanza=bench',
      ...args,
    ]);
  return {
    name,
    needs: ['pgbackrest'],
    async prepare() {
      await rm(folder, { recursive: true, force: true });
      for (const part of ['repo', 'log', 'spool', 'lock'])
        await mkdir(join(folder, part), { recursive: true });
      const data = await server.psql('SHOW data_directory');
      await writeFile(
        config,
        configuration(folder, {
          data,
          port: server.port,
          user: server.user,
          sockets: socketFolder(bench),
        }),
      );
      await command('stanza-create');
    },
    async run() {
      await command(
        'backup',
        '--type=full',
        `--process-max=${workers}`,
        '--compress-type=zst',
        '--compress-level=1',
        '--no-archive-check',
        '--start-fast',
      );
      return {};
    },
    async inspect() {
      const [stored, heap] = await Promise.all([
        shell(environment(bench), `du -sb ${join(folder, 'repo')} | cut -f1`),
        server.psql('SELECT sum(pg_database_size(oid)) FROM pg_database'),
      ]);
      return { storedBytes: Number(stored), heapBytes: Number(heap) };
    },
    clean: () => rm(folder, { recursive: true, force: true }),
  };
}

function configuration(
  folder: string,
  { data, port, user, sockets }: { data: string; port: number; user: string; sockets: string },
): string {
  return `[global]
repo1-path=${folder}/repo
log-path=${folder}/log
spool-path=${folder}/spool
lock-path=${folder}/lock
log-level-console=warn
[bench]
pg1-path=${data}
pg1-port=${port}
pg1-user=${user}
pg1-socket-path=${sockets}
`;
}
