import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestServer } from '../../support/servers/postgres.ts';
import type { Bench } from '../scenario.ts';
import { type Source, socketFolder } from '../setup/servers.ts';
import { environment, run, shell } from '../setup/shell.ts';
import type { Contender } from './contenders.ts';

/** A repository of pgBackRest in a local folder. WAL is not archived. */
export interface PhysicalRepository {
  readonly folder: string;
  /** Removes an older repository, and creates an empty one. */
  create(): Promise<void>;
  backup(type: 'full' | 'incr', workers: number): Promise<void>;
  remove(): Promise<void>;
}

export function physicalRepository(bench: Bench, server: TestServer): PhysicalRepository {
  const folder = join(bench.home, 'pgbackrest');
  const config = join(folder, 'pgbackrest.conf');
  const command = (...args: string[]) =>
    run(environment(bench, server), 'pgbackrest', [
      `--config=${config}`,
      '--stanza=bench',
      ...args,
    ]);
  const remove = () => rm(folder, { recursive: true, force: true });
  return {
    folder: join(folder, 'repo'),
    remove,
    async create() {
      await remove();
      for (const part of ['repo', 'log', 'spool', 'lock'])
        await mkdir(join(folder, part), { recursive: true });
      const data = await server.psql('SHOW data_directory');
      const { port, user } = server;
      const sockets = socketFolder(bench);
      await writeFile(config, configuration(folder, { data, port, user, sockets }));
      await command('stanza-create');
    },
    async backup(type, workers) {
      await command(
        'backup',
        `--type=${type}`,
        `--process-max=${workers}`,
        '--compress-type=zst',
        '--compress-level=1',
        '--no-archive-check',
        '--start-fast',
      );
    },
  };
}

/**
 * pgBackRest copies the files of the server, not its rows. It parses nothing, copies all databases,
 * and can restore only the whole into the same major version. It uploads nothing here.
 */
export function physicalBackup(
  bench: Bench,
  { server }: Source,
  workers: number,
  name: string,
): Contender {
  const repository = physicalRepository(bench, server);
  return {
    name,
    needs: ['pgbackrest'],
    prepare: () => repository.create(),
    async run() {
      await repository.backup('full', workers);
      return {};
    },
    async inspect() {
      const [stored, heap] = await Promise.all([
        shell(environment(bench, server), `du -sb ${repository.folder} | cut -f1`),
        server.psql('SELECT sum(pg_database_size(oid)) FROM pg_database'),
      ]);
      return { storedBytes: Number(stored), heapBytes: Number(heap) };
    },
    clean: () => repository.remove(),
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
