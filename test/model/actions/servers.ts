import type { Random } from '../../chaos/random.ts';
import type { ModelServer } from '../server.ts';

export const MODEL_DATABASE = 'model';

/** A change of a server as a whole. */
export interface ServerChange {
  readonly name: string;
  readonly weight: number;
  /** The oldest version that has what is changed. */
  readonly from?: number;
  run(server: ModelServer, random: Random): Promise<void>;
}

const D = MODEL_DATABASE;

async function restoreCopy(server: ModelServer, random: Random): Promise<void> {
  if (server.copies.length === 0) return server.keepColdCopy();
  return server.restoreCopy(random.pick(server.copies));
}

/** Changes of servers after which witnesses of an older set may say nothing. */
export const SERVER_CHANGES: readonly ServerChange[] = [
  { name: 'crash', weight: 4, run: (server) => server.restart('SIGQUIT') },
  { name: 'restart', weight: 1, run: (server) => server.restart('SIGINT') },
  { name: 'base backup', weight: 3, run: (server) => server.keepBaseBackup() },
  { name: 'cold copy', weight: 3, run: (server) => server.keepColdCopy() },
  { name: 'restore of a copy', weight: 5, run: restoreCopy },
  {
    name: 'failover',
    weight: 3,
    run: (server, random) =>
      server.failOver(async () => {
        const lost = `UPDATE plain SET word = 'lost' WHERE id = ${random.below(3000)}`;
        await server.sql(D, lost).catch(() => undefined);
      }),
  },
  {
    name: 'checkpoint and new WAL file',
    weight: 2,
    run: async (server) => void (await server.sql(D, 'CHECKPOINT', 'SELECT pg_switch_wal()')),
  },
  {
    name: 'summaries removed',
    weight: 2,
    from: 17,
    run: (server, random) => server.removeSummaries(() => random.chance(0.5)),
  },
  {
    name: 'no summaries for a time',
    weight: 2,
    from: 17,
    run: async (server) => {
      await server.setting('summarize_wal', 'off');
      await server
        .sql(D, `UPDATE plain SET word = 'unseen' WHERE id = 5`, 'CHECKPOINT')
        .catch(ignore);
      await server.setting('summarize_wal', 'on');
    },
  },
  {
    name: 'minimal WAL for a time',
    weight: 2,
    run: async (server) => {
      await server.setting('summarize_wal', undefined);
      await server.setting('max_wal_senders', '0');
      await server.setting('wal_level', 'minimal');
      const fill = 'INSERT INTO grown (id) SELECT g FROM generate_series(1, 300) g';
      await server.sql(D, 'BEGIN', 'TRUNCATE grown', fill, 'COMMIT').catch(ignore);
      await server.setting('wal_level', 'replica');
      await server.setting('max_wal_senders', '4');
      if (server.major >= 17) await server.setting('summarize_wal', 'on');
    },
  },
  { name: 'WAL reset', weight: 1, run: (server) => server.resetWal() },
  {
    name: 'database moved to another tablespace',
    weight: 2,
    run: async (server, random) => {
      const [row] = await server.sql(
        D,
        `SELECT spcname AS name FROM pg_tablespace JOIN pg_database ON dattablespace = pg_tablespace.oid WHERE datname = '${D}'`,
      );
      const isBack = row?.['name'] !== 'pg_default';
      await server
        .sql(D, `UPDATE plain SET word = 'moved' WHERE id = ${random.below(3000)}`)
        .catch(ignore);
      if (!isBack) await server.tablespace('far');
      await server.sql(
        'postgres',
        `ALTER DATABASE ${D} SET TABLESPACE ${isBack ? 'pg_default' : 'far'}`,
      );
    },
  },
  {
    name: 'database made again from itself',
    weight: 2,
    run: async (server, random) => {
      const strategy = random.pick(['WAL_LOG', 'FILE_COPY']);
      await server.sql(
        'postgres',
        `ALTER DATABASE ${D} RENAME TO before`,
        `CREATE DATABASE ${D} TEMPLATE before STRATEGY ${strategy}`,
        'DROP DATABASE before',
      );
    },
  },
];

const ignore = () => undefined;
